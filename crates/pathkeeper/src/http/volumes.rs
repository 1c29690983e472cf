//! `GET /api2/json/nodes/{node}/storage/{storage}/content`

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::get;
use pathkeeper_api::disks::NodeDisks;
use pathkeeper_api::{paths, volumes as wire};
use pathkeeper_engine::cluster::{Answer, Question};
use pathkeeper_model::report::TEXT_BYTES_MAX;
use pathkeeper_model::volumes::{NodeMaps, OnNode, Volume, volumes};
use pathkeeper_model::{NodeName, State as LunState, Wwid, judge};

use super::errors::{self, ApiError};
use super::{Context, enveloped, off_thread, with_published};

/// What a volume of any storage can be for Proxmox VE; a LUN is the first.
const CONTENTS: [&str; 7] = ["images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import"];

/// The route.
pub fn routes() -> Router<Context> {
    Router::new().route(paths::NODE_CONTENT, get(content))
}

/// Which volumes are wanted.
#[derive(Debug, Default)]
struct Wanted {
    /// Another content than images.
    nothing: bool,
    vmid: Option<u32>,
}

async fn content(
    State(context): State<Context>,
    Path((node, storage)): Path<(String, String)>,
    request: Request,
) -> Result<Response, ApiError> {
    let wanted = wanted(&request)?;
    let wrong = |key: &str, why: String| ApiError::parameters([(key.to_owned(), why)].into());
    if storage.len() > TEXT_BYTES_MAX {
        return Err(wrong("storage", format!("value may only be {TEXT_BYTES_MAX} bytes long")));
    }
    if context.board.snapshot().is_none() {
        return Err(ApiError::not_ready("the store has not given its first whole list yet"));
    }
    let here = node == context.node.as_str() || node == "localhost";
    let name = if here { Some(context.node.clone()) } else { NodeName::new(&node) };
    let name = name.ok_or_else(|| ApiError::no_node(&node))?;
    if !here && !context.board.nodes().nodes.iter().any(|(known, _)| known.name == name) {
        return Err(ApiError::no_node(&node));
    }
    let offer = match context.ask(Question::Offer { storage, node: name }).await? {
        Answer::Offer(Ok(offer)) => *offer,
        Answer::Offer(Err(why)) => return Err(ApiError::nothing_of_that_name(&why.to_string())),
        _ => return Err(ApiError::fault()),
    };
    let list = |offer, maps: &NodeMaps| volumes(offer, maps).into_iter().map(of).collect::<Vec<_>>();
    let mut found = if here {
        let local = context.board.local();
        let local = local.ok_or_else(|| ApiError::not_ready("the local node has not been read yet"))?;
        let now = context.clock.now().mono;
        off_thread(move || list(offer, &maps(&local.disks(now), judge::is_blind(&local.read)))).await?
    } else {
        let blind = |detail: &pathkeeper_model::detail::Detail| judge::is_blind(&detail.read);
        with_published(&context, &node, move |disks, detail| list(offer, &maps(&disks, blind(detail))))
            .await?
    };
    found.retain(|volume| !wanted.nothing && wanted.vmid.is_none_or(|vmid| volume.vmid == Some(vmid)));
    Ok(enveloped(found))
}

fn wanted(request: &Request) -> Result<Wanted, ApiError> {
    let wrong = |key: &str, why: &str| ApiError::parameters([(key.to_owned(), why.to_owned())].into());
    let mut wanted = Wanted::default();
    for (key, value) in errors::query_pairs(request.uri()) {
        match key.as_str() {
            "content" if CONTENTS.contains(&value.as_str()) => wanted.nothing = value != "images",
            "content" => return Err(wrong("content", "invalid content type")),
            "vmid" => {
                let vmid = value.parse::<u32>().ok().filter(|vmid| *vmid > 0);
                wanted.vmid = Some(vmid.ok_or_else(|| wrong("vmid", "type check ('integer') failed"))?);
            }
            _ => return Err(wrong(&key, errors::NOT_DEFINED)),
        }
    }
    Ok(wanted)
}

/// What is shown of a node's maps, for those who hand out LUNs. `blind`: neither multipathd nor the kernel told anything.
fn maps(disks: &NodeDisks, blind: bool) -> NodeMaps {
    let node = &disks.node;
    let doubt = if !disks.is_believed() {
        let why = disks.report_why.as_deref().unwrap_or("its report cannot be believed");
        Some(format!("what {node} has is not known now: {why}"))
    } else {
        blind.then(|| format!("neither multipathd nor the kernel tells what {node} has"))
    };
    let on_node = |map: &pathkeeper_api::disks::Map| {
        Some(OnNode {
            wwid: Wwid::new(&map.wwid)?,
            name: map.name.clone(),
            size_bytes: map.size,
            state: LunState::parse(&map.state).unwrap_or(LunState::Unknown),
            paths_active: map.paths_active,
            paths_total: map.paths_total,
            suspended: map.suspended,
            vgs: map.pvs.iter().filter_map(|pv| pv.vg_name.clone()).collect(),
        })
    };
    NodeMaps { doubt, maps: disks.maps.iter().filter_map(on_node).collect() }
}

fn of(volume: Volume) -> wire::Volume {
    wire::Volume {
        volid: volume.volid,
        content: "images".into(),
        format: "raw".into(),
        size: volume.size_bytes,
        vmid: volume.vmid,
        wwid: volume.wwid.to_string(),
        alias: volume.alias,
        map: volume.map,
        path: volume.path,
        state: volume.state.as_str().into(),
        paths_active: volume.paths_active,
        paths_total: volume.paths_total,
        used_by: Some(volume.used_by.join(", ")).filter(|users| !users.is_empty()),
        unusable: volume.unusable,
    }
}
