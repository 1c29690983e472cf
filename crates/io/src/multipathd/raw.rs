//! `show paths raw format …`: what the JSON lacks, and the devices that no map took.
//!
//! `raw` prints no header and no padding. A wildcard that a version does not know prints nothing (`%0` and `%P` came with
//! 0.7.5, `%I` with 0.8.5), so the columns hold in all of them. The two texts that a device chooses come last.

use super::json::{check_state, dev_state, dm_state};
use pathkeeper_model::Wwid;
use pathkeeper_model::local::PathDevice;
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

/// The command. Fields: device, major:minor, WWID, host:channel:target:lun, the three words, protocol, failures,
/// init state, map's alias, serial, vendor/product/revision.
pub const COMMAND: &str = r#"show paths raw format "%d|%D|%w|%i|%t|%T|%o|%P|%0|%I|%m|%z|%s""#;

/// Lines read from one reply at most.
const LINES_MAX: usize = 200_000;

/// What a reply told.
#[derive(Debug, Default)]
pub struct RawPaths {
    /// Each device by its name.
    pub by_dev: FxHashMap<SmolStr, RawPath>,
    /// Words that this program does not know, counted.
    pub unknown_words: u64,
    /// Lines that are not of this form, counted.
    pub odd_lines: u64,
}

/// One device's line.
#[derive(Debug)]
pub struct RawPath {
    /// The device with what the line says of it.
    pub path: PathDevice,
    /// The transport by `%P`.
    pub transport: Option<SmolStr>,
    /// Its map's alias; `None` where no map took it.
    pub map: Option<String>,
}

/// Decodes a reply. Any text may come.
pub fn decode(text: &str) -> RawPaths {
    let mut out = RawPaths::default();
    for line in text.lines().take(LINES_MAX) {
        match decode_line(line, &mut out.unknown_words) {
            Some(raw) => drop(out.by_dev.insert(raw.path.dev.clone(), raw)),
            None if line.trim().is_empty() => {}
            None => out.odd_lines += 1,
        }
    }
    out
}

fn decode_line(line: &str, unknown_words: &mut u64) -> Option<RawPath> {
    let mut fields = line.splitn(13, '|').map(str::trim);
    let mut next = || fields.next();
    let (dev, dev_t, wwid, hctl) = (next()?, next()?, next()?, next()?);
    let (dm, check, device) = (next()?, next()?, next()?);
    let (protocol, failures, init, map, serial, product) =
        (next()?, next()?, next()?, next()?, next()?, next()?);
    if dev.is_empty() {
        return None;
    }
    let (map, loose_because) = match map.strip_prefix('[').and_then(|word| word.strip_suffix(']')) {
        None => (Some(map.to_owned()), String::new()),
        Some(word) if matches!(init, "" | "ok") => (None, word.to_owned()),
        Some(word) => (None, format!("{word}, {init}")),
    };
    let transport = transport_of(protocol);
    let path = PathDevice {
        wwid: Wwid::new(wwid),
        dm: dm_state(dm, unknown_words),
        check: check_state(check, unknown_words),
        device: dev_state(device, unknown_words),
        words: [dm.into(), check.into(), device.into()],
        hctl: known(hctl).filter(|hctl| *hctl != "#:#:#:#").map(Into::into),
        transport: transport.clone(),
        serial: known(serial).map(Into::into),
        product: known(product)
            .map(|text| text.split(',').map(str::trim).collect::<Vec<_>>().join(" ").into()),
        failures: failures.parse().ok(),
        loose_because: loose_because.into(),
        ..PathDevice::unknown(dev, dev_t)
    };
    Some(RawPath { path, transport, map })
}

fn known(text: &str) -> Option<&str> {
    (!matches!(text, "" | "[undef]" | "[unknown]" | "(null)" | "undef" | "##")).then_some(text)
}

/// multipathd's protocol word (`scsi:fcp`, `nvme:tcp`, …) as our transport word.
fn transport_of(protocol: &str) -> Option<SmolStr> {
    let word = match protocol.split_once(':') {
        Some(("scsi", "fcp")) => "fc",
        Some(("scsi", "unspec")) | Some((_, "undef")) => return None,
        Some(("scsi", other)) => other,
        Some(("nvme", _)) => "nvme",
        Some(_) => protocol,
        None => known(protocol)?,
    };
    Some(word.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The recorded lines have other fields, in the order of the samples' README: put ours together from them.
    fn line_of(recorded: &str) -> String {
        let f: Vec<&str> = recorded.split('|').collect();
        let at = |i: usize| f[i];
        // w|i|d|D|p|t|T|o|s|c|C|S|z|M|m|N|n|R|r|a|G|0|P|I|L|g
        [at(2), at(3), at(0), at(1), at(5), at(6), at(7), at(22), at(21), at(23), at(14), at(12), at(8)]
            .join("|")
    }

    #[test]
    fn recorded_lines() {
        let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/multipathd");
        let mut seen = 0;
        for folder in std::fs::read_dir(data).unwrap() {
            let folder = folder.unwrap().path();
            if !folder.is_dir() {
                continue;
            }
            for file in std::fs::read_dir(folder).unwrap() {
                let file = file.unwrap().path();
                if !file.to_str().unwrap().ends_with(".paths-raw-allfields.txt") {
                    continue;
                }
                let text = std::fs::read_to_string(&file).unwrap();
                let lines: Vec<String> = text.lines().filter(|l| l.contains('|')).map(line_of).collect();
                let got = decode(&lines.join("\n"));
                assert_eq!(got.by_dev.len(), lines.len(), "{}", file.display());
                assert_eq!((got.unknown_words, got.odd_lines), (0, 0), "{}", file.display());
                seen += lines.len();
            }
        }
        assert!(seen > 200, "{seen}");
    }

    #[test]
    fn one_loose_and_one_taken() {
        let got = decode(
            "sda|8:0|3600|0:0:0:1|active|ready|running|scsi:fcp|3|ok|data01|LUN0001|LABSAN,VDISK,1.0\n\
             sdb|8:16|3601|1:0:0:1|undef|undef|unknown|scsi:iscsi|0|udev-missing|[orphan]|x|y\n\
             sdc|8:32|3602|2:0:0:1|undef|undef|unknown|||| [offline]\n\
             nvme0n1|259:0|eui.1|0:1:1:1|active|ready|running||||m1||\n\
             ok\n",
        );
        let a = &got.by_dev["sda"];
        assert_eq!((a.map.as_deref(), a.transport.as_deref()), (Some("data01"), Some("fc")));
        assert_eq!(a.path.failures, Some(3));
        assert_eq!(a.path.product.as_deref(), Some("LABSAN VDISK 1.0"));
        let b = &got.by_dev["sdb"];
        assert_eq!(b.path.loose_because, "orphan, udev-missing");
        assert_eq!(b.map, None);
        let n = &got.by_dev["nvme0n1"];
        assert_eq!((n.transport.as_deref(), n.path.failures), (None, None), "0.7.0 prints nothing there");
        assert_eq!(got.odd_lines, 2);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,300}") {
            let got = decode(&text);
            prop_assert!(got.by_dev.len() as u64 + got.odd_lines <= text.lines().count() as u64);
        }
    }
}
