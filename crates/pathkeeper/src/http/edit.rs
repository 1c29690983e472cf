//! How a person's word gets into one of the store's documents: read, change, write if it is still so, and again if others
//! were faster. Every handler that writes a document does it here.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::header;
use axum::response::Response;
use bytes::Bytes;
use pathkeeper_io::store::{DocumentName, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::audit::Change;
use super::auth::Identity;
use super::errors::{self, ApiError, NOT_DEFINED};
use super::{Context, enveloped};
use crate::app::random_instance;

/// A document is never longer: what a store takes.
const DOCUMENT_BYTES_MAX: usize = 1 << 20;
/// So often the document is read and written anew when others were faster.
const TRIES_MAX: u32 = 8;
/// Between two tries, times the number of the try, and again as much at random.
const PAUSE_MS: u64 = 10;
/// Proxmox VE's words for a parameter that is not there.
pub const MISSING: &str = "property is missing and it is not optional";

/// A digest that says nothing.
pub const EMPTY_DIGEST: &str = "value must not be empty: the digest of what was looked at";

/// What a change comes to.
#[derive(Debug)]
pub enum Step<T> {
    /// It is so already.
    Same(T),
    /// These bytes are to stand there.
    Write(Vec<u8>, T),
}

/// What was done.
#[derive(Debug)]
pub struct Done<T> {
    /// What the change tells.
    pub told: T,
    /// The document's digest before.
    pub before: String,
    /// And after.
    pub after: String,
}

/// A document as it stands.
#[derive(Debug)]
pub struct Standing {
    /// Its bytes; empty where there is none.
    pub bytes: Bytes,
    /// Its digest.
    pub digest: String,
    /// An earlier try was written without an answer, and may be what stands there.
    pub doubt: bool,
}

/// Reads a document.
///
/// # Errors
/// From the store.
pub async fn read(context: &Context, document: &str) -> Result<Standing, StoreError> {
    let read = context.documents.0.read(DocumentName::new(document)?).await?;
    Ok(Standing { bytes: read.bytes.unwrap_or_default(), digest: read.digest, doubt: false })
}

/// Changes a document. `change` may be asked several times, each time about what stands there then.
///
/// # Errors
/// The answer to whoever asked: from `change`, from the store, or that others write all the time.
pub async fn edit<T>(
    context: &Context,
    document: &'static str,
    mut change: impl FnMut(&Standing) -> Result<Step<T>, ApiError>,
) -> Result<Done<T>, ApiError> {
    // A write without an answer may have been taken.
    let mut doubt: Option<StoreError> = None;
    for attempt in 1..=TRIES_MAX {
        let mut standing = match read(context, document).await {
            Ok(standing) => standing,
            Err(e) => return Err(ApiError::no_store(&e.to_string(), doubt.is_some())),
        };
        standing.doubt = doubt.is_some();
        let before = standing.digest.clone();
        let (bytes, told) = match change(&standing)? {
            Step::Same(told) => return Ok(Done { told, after: before.clone(), before }),
            Step::Write(bytes, told) => (bytes, told),
        };
        if bytes.len() > DOCUMENT_BYTES_MAX {
            return Err(ApiError::conflict(format!(
                "{document} would be over {DOCUMENT_BYTES_MAX} bytes; nothing was changed"
            )));
        }
        let name = DocumentName::new(document);
        let write = async { context.documents.0.write(name?, Some(bytes.into()), before.clone()).await };
        match write.await {
            Ok(after) => return Ok(Done { told, before, after }),
            Err(StoreError::Conflict { .. }) => {}
            Err(e @ (StoreError::Timeout { .. } | StoreError::Unreachable(_))) => doubt = Some(e),
            Err(e) => {
                let words = format!("{e}{}", hint(&e, context.documents.0.kind()));
                return Err(ApiError::no_store(&words, doubt.is_some()));
            }
        }
        let random = random_instance().map_or(0, |random| random.0 % PAUSE_MS);
        let pause_ms = u64::from(attempt) * (PAUSE_MS + random);
        tokio::time::sleep(std::time::Duration::from_millis(pause_ms)).await;
    }
    if let Some(e) = doubt {
        return Err(ApiError::no_store(&e.to_string(), true));
    }
    Err(ApiError::conflict(format!(
        "others changed {document} {TRIES_MAX} times meanwhile; nothing was changed: try again"
    )))
}

/// 409: what is not understood, perhaps of a newer version, would be lost.
pub fn not_understood(document: &str, why: &str) -> ApiError {
    ApiError::conflict(format!(
        "{document} in the store is not understood as a whole, so it was not changed: {why}"
    ))
}

/// 409: the document is another one than was looked at. Proxmox VE's words.
///
/// # Errors
/// That.
pub fn as_looked_at(digest: Option<&str>, standing: &str) -> Result<(), ApiError> {
    match digest {
        Some(digest) if digest != standing => Err(ApiError::conflict(
            "detected modified configuration - file changed by other user? Try again.",
        )),
        _ => Ok(()),
    }
}

/// What to do where this node may not write documents, which is how a node is set up that only observes.
fn hint(e: &StoreError, store: &str) -> &'static str {
    match (e, store) {
        (StoreError::Io { .. }, "pmxcfs") => {
            "; if it is read-only for the agent alone: ReadWritePaths=-/etc/pve in a drop-in of its unit (docs/stores.md)"
        }
        (StoreError::Refused(_), "etcd") => {
            "; if its etcd user may not write documents: order from a node of --managing (docs/stores.md)"
        }
        _ => "",
    }
}

/// An answer, with what the record of writes has to know.
pub fn changed(document: &str, before: &str, after: &str, data: impl Serialize) -> Response {
    let change = Change { document: document.into(), before: before.into(), after: after.into() };
    let mut response = enveloped(data);
    response.extensions_mut().insert(change);
    response
}

/// Who orders, for people.
pub fn by(request: &Request) -> String {
    request
        .extensions()
        .get::<Identity>()
        .map_or_else(|| "unknown".into(), |identity| identity.name.to_string())
}

/// A body's members by name, and what is wrong with them.
#[derive(Debug)]
pub struct Body {
    members: BTreeMap<String, Value>,
    wrong: BTreeMap<String, String>,
    /// Every value of it is text: it came as a form.
    pub is_form: bool,
}

impl Body {
    /// An object of JSON, or a form as Proxmox's clients send it; only members that are `known`.
    ///
    /// # Errors
    /// 400, for what is neither.
    pub async fn read(request: Request, known: &[&str], bytes_max: usize) -> Result<Self, ApiError> {
        let mut body = Self::read_any(request, bytes_max).await?;
        let foreign = body.members.keys().filter(|name| !known.contains(&name.as_str()));
        body.wrong = foreign.map(|name| (name.clone(), NOT_DEFINED.to_owned())).collect();
        Ok(body)
    }

    /// The same with members of any name; what is not taken is left for [`Body::rest`].
    ///
    /// # Errors
    /// 400, for what is neither.
    pub async fn read_any(request: Request, bytes_max: usize) -> Result<Self, ApiError> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let is_form = kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let bad = |why: String| ApiError::parameters([("body".to_owned(), why)].into());
        let bytes = to_bytes(request.into_body(), bytes_max).await;
        let bytes =
            bytes.map_err(|e| bad(format!("it cannot be read, or is over {bytes_max} bytes: {e}")))?;
        let mut members: BTreeMap<String, Value> = BTreeMap::new();
        if is_form {
            let text = String::from_utf8_lossy(&bytes);
            members.extend(errors::pairs(&text).into_iter().map(|(name, value)| (name, value.into())));
        } else if !bytes.is_empty() {
            members =
                serde_json::from_slice(&bytes).map_err(|e| bad(format!("it is no JSON object: {e}")))?;
        }
        Ok(Self { members, wrong: BTreeMap::new(), is_form })
    }

    /// Members that nobody took, as the texts that a document has: true and false are 1 and 0. Other kinds are noted.
    pub fn rest(&mut self) -> BTreeMap<String, String> {
        let mut rest = BTreeMap::new();
        for (name, value) in std::mem::take(&mut self.members) {
            match value {
                Value::Null => {}
                Value::String(text) => drop(rest.insert(name, text)),
                Value::Bool(is) => drop(rest.insert(name, if is { "1" } else { "0" }.to_owned())),
                Value::Number(n) => drop(rest.insert(name, n.to_string())),
                _ => self.wrong(&name, "type check failed: value must be text or a number"),
            }
        }
        rest
    }

    /// A list of texts; also as one text with commas between, as Proxmox's clients send it.
    pub fn list(&mut self, name: &str) -> BTreeSet<String> {
        if let Some(Value::String(text)) = self.members.get(name) {
            let list = text.split(',').map(str::trim).filter(|of| !of.is_empty()).collect();
            self.members.insert(name.to_owned(), list);
        }
        self.take(name).unwrap_or_default()
    }

    /// Yes or no; a form's and Proxmox's words for it too.
    pub fn flag(&mut self, name: &str) -> bool {
        let word = match self.members.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(n)) => Some(n.to_string()),
            _ => None,
        };
        let known = word.as_deref().and_then(|word| match word {
            "1" | "" | "yes" | "true" | "on" => Some(true),
            "0" | "no" | "false" | "off" => Some(false),
            _ => None,
        });
        if let Some(is) = known {
            self.members.insert(name.to_owned(), is.into());
        }
        self.take(name).unwrap_or_default()
    }

    /// A digest that somebody looked at. An empty one is a mistake, and never "any".
    pub fn digest(&mut self, name: &str) -> Option<String> {
        let digest: Option<String> = self.take(name);
        if digest.as_deref().is_some_and(|digest| digest.trim().is_empty()) {
            self.wrong(name, EMPTY_DIGEST);
            return None;
        }
        digest
    }

    /// Makes another value of what a form gave as text.
    pub fn from_text(&mut self, name: &str, make: impl FnOnce(&str) -> Value) {
        if let (true, Some(Value::String(text))) = (self.is_form, self.members.get(name)) {
            let value = make(text);
            self.members.insert(name.to_owned(), value);
        }
    }

    /// A whole number, which a form gives as digits.
    pub fn number(&mut self, name: &str) -> Option<i64> {
        self.from_text(name, |text| text.parse::<i64>().map_or_else(|_| text.into(), Value::from));
        self.take(name)
    }

    /// A member; `None` where there is none, or it is null, or of another type, which is noted.
    pub fn take<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let value = self.members.remove(name).filter(|value| !value.is_null())?;
        match serde_json::from_value(value) {
            Ok(value) => Some(value),
            Err(e) => {
                self.wrong(name, format!("type check failed: {e}"));
                None
            }
        }
    }

    /// A member that has to be there.
    pub fn needed<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let value = self.take(name);
        if value.is_none() && !self.wrong.contains_key(name) {
            self.wrong(name, MISSING);
        }
        value
    }

    /// What is wrong with a member.
    pub fn wrong(&mut self, name: &str, why: impl Into<String>) {
        self.wrong.insert(name.to_owned(), why.into());
    }

    /// Nothing is wrong with this member, as far as it was looked at.
    pub fn is_good(&self, name: &str) -> bool {
        !self.wrong.contains_key(name)
    }

    /// Nothing is wrong with any member, as far as they were looked at.
    pub fn is_all_good(&self) -> bool {
        self.wrong.is_empty()
    }

    /// All of it was good.
    ///
    /// # Errors
    /// 400, with what was wrong by name.
    pub fn check(self) -> Result<(), ApiError> {
        if self.wrong.is_empty() { Ok(()) } else { Err(ApiError::parameters(self.wrong)) }
    }
}

/// A reason for people, cleaned of what surrounds it; notes what is wrong with it.
pub fn reason(body: &mut Body, bytes_max: usize) -> String {
    let reason = body.needed::<String>("reason").map(|reason| reason.trim().to_owned());
    match &reason {
        Some(reason) if reason.is_empty() => body.wrong("reason", "say why: others will read it"),
        Some(reason) if reason.len() > bytes_max || reason.chars().any(char::is_control) => {
            body.wrong("reason", format!("value must be one line of at most {bytes_max} bytes"));
        }
        _ => {}
    }
    reason.unwrap_or_default()
}
