//! A node of 500 maps with 8 paths each: a reply of multipathd to judged entries, and whole reads.
//!
//! `cargo bench -p pathkeeper-io --bench read`

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use criterion::{Criterion, criterion_group, criterion_main};
use pathkeeper_io::multipathd::{json, raw};
use pathkeeper_io::{Depth, LocalReader, ReaderConfig, Roots, SocketAddress};
use pathkeeper_model::judge;
use pathkeeper_model::local::{Daemon, NodeRead};
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::path::Path;

const MAPS: usize = 500;
const PATHS: usize = 8;

/// Letters as the kernel gives them: sda … sdz, sdaa …
fn letters(mut n: usize) -> String {
    let mut out = Vec::new();
    loop {
        out.push(b'a' + (n % 26) as u8);
        n /= 26;
        if n == 0 {
            break;
        }
        n -= 1;
    }
    out.reverse();
    format!("sd{}", String::from_utf8(out).unwrap())
}

/// A reply as multipathd prints it, two groups a map, one path in a hundred failed.
fn reply() -> String {
    let mut out = String::from("{\n   \"major_version\": 0,\n   \"minor_version\": 1,\n   \"maps\": [");
    for map in 0..MAPS {
        let comma = if map + 1 == MAPS { "" } else { "," };
        write!(
            out,
            "{{\n      \"name\" : \"mpath{map}\",\n      \"uuid\" : \"3600a098038303053{map:016x}\",\n      \"sysfs\" : \"dm-{map}\",\n      \"failback\" : \"immediate\",\n      \"queueing\" : \"12 chk\",\n      \"paths\" : {PATHS},\n      \"write_prot\" : \"rw\",\n      \"dm_st\" : \"active\",\n      \"features\" : \"1 queue_if_no_path\",\n      \"hwhandler\" : \"1 alua\",\n      \"action\" : \"create\",\n      \"path_faults\" : 0,\n      \"vend\" : \"NETAPP\",\n      \"prod\" : \"LUN C-Mode\",\n      \"rev\" : \"9101\",\n      \"switch_grp\" : 0,\n      \"map_loads\" : 1,\n      \"total_q_time\" : 0,\n      \"q_timeouts\" : 0,\n      \"path_groups\": ["
        )
        .unwrap();
        for group in 0..2 {
            let comma = if group == 1 { "" } else { "," };
            write!(
                out,
                "{{\n         \"selector\" : \"service-time 0\",\n         \"pri\" : {},\n         \"dm_st\" : \"active\",\n         \"marginal_st\" : \"normal\",\n         \"group\" : {},\n         \"paths\": [",
                50 - 40 * group,
                group + 1
            )
            .unwrap();
            for path in 0..PATHS / 2 {
                let n = map * PATHS + group * PATHS / 2 + path;
                let (dm, check) = if n % 100 == 7 { ("failed", "faulty") } else { ("active", "ready") };
                let comma = if path + 1 == PATHS / 2 { "" } else { "," };
                write!(
                    out,
                    "{{\n            \"dev\" : \"{}\",\n            \"dev_t\" : \"{}:{}\",\n            \"dm_st\" : \"{dm}\",\n            \"dev_st\" : \"running\",\n            \"chk_st\" : \"{check}\",\n            \"checker\" : \"tur\",\n            \"pri\" : 50,\n            \"host_wwnn\" : \"0x20000024ff3dcb4e\",\n            \"target_wwnn\" : \"0x5006016088e00fa2\",\n            \"host_wwpn\" : \"0x21000024ff3dcb4e\",\n            \"target_wwpn\" : \"0x5006016108e00fa2\",\n            \"host_adapter\" : \"0000:06:00.0\",\n            \"lun_hex\" : \"0x0001000000000000\",\n            \"marginal_st\" : \"normal\"\n         }}{comma}",
                    letters(n),
                    n / 16,
                    n % 16 * 16
                )
                .unwrap();
            }
            write!(out, "]\n      }}{comma}").unwrap();
        }
        write!(out, "]\n   }}{comma}").unwrap();
    }
    out.push_str("]\n}\n");
    out
}

fn path_lines() -> String {
    let mut out = String::new();
    for n in 0..MAPS * PATHS {
        let map = n / PATHS;
        writeln!(
            out,
            "{}|{}:{}|3600a098038303053{map:016x}|{}:0:0:{map}|active|ready|running|scsi:fcp|0|ok|mpath{map}|80Ru9+P{map}|NETAPP,LUN C-Mode,9101",
            letters(n),
            n / 16,
            n % 16 * 16,
            n % PATHS
        )
        .unwrap();
    }
    out
}

fn read_of(reply: &str) -> NodeRead {
    NodeRead {
        maps: json::decode(reply.as_bytes()).unwrap().maps,
        kernel: Err(String::new()),
        ..NodeRead::empty(pathkeeper_model::EpochS(0), Daemon::Answering { pid: None })
    }
}

/// A multipathd that answers at once with these texts.
fn serve(dir: &Path, maps: String, paths: String) {
    let listener = UnixListener::bind(dir.join("socket")).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut length = [0; 8];
            while stream.read_exact(&mut length).is_ok() {
                let mut command = vec![0; usize::from_ne_bytes(length)];
                stream.read_exact(&mut command).unwrap();
                let text = match command.as_slice() {
                    b"show maps json\0" => maps.as_str(),
                    text if text.starts_with(b"show paths") => paths.as_str(),
                    _ => "ok\n",
                };
                let mut wire = (text.len() + 1).to_ne_bytes().to_vec();
                wire.extend(text.as_bytes());
                wire.push(0);
                if stream.write_all(&wire).is_err() {
                    break;
                }
            }
        }
    });
}

fn benches(c: &mut Criterion) {
    let reply = reply();
    eprintln!("the reply has {} bytes", reply.len());
    c.bench_function("500x8 decode", |b| b.iter(|| json::decode(reply.as_bytes()).unwrap()));
    let read = read_of(&reply);
    c.bench_function("500x8 judge", |b| b.iter(|| judge::judge(&read, &|_| Some(PATHS as u32))));
    c.bench_function("500x8 reply to entries", |b| {
        b.iter(|| judge::judge(&read_of(&reply), &|_| Some(PATHS as u32)))
    });
    let lines = path_lines();
    c.bench_function("4000 lines of show paths raw", |b| b.iter(|| raw::decode(&lines)));

    let dir = tempfile::tempdir().unwrap();
    serve(dir.path(), reply.clone(), lines);
    let mut reader = LocalReader::new(ReaderConfig {
        roots: Roots::default(),
        socket: SocketAddress::Path(dir.path().join("socket")),
        ..ReaderConfig::default()
    });
    assert_eq!(reader.read(Depth::Full).maps.len(), MAPS);
    c.bench_function("500x8 quick read over a socket", |b| b.iter(|| reader.read(Depth::Quick)));
    c.bench_function("500x8 full read over a socket, mean", |b| b.iter(|| reader.read(Depth::Full)));
}

criterion_group! { name = group; config = Criterion::default().sample_size(30); targets = benches }
criterion_main!(group);
