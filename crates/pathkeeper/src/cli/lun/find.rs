//! Which LUN a person means.

use pathkeeper_api::luns::{Lun, Luns};

use super::super::Failure;
use super::super::text::{clean, count};

/// More names than this are not listed in a failure.
const NAMES_MAX: usize = 6;

/// The LUN that `name` names: alias, map name here or WWID, else the only one of which one of these begins so.
///
/// # Errors
/// In words, if there is none or more than one.
pub fn find<'a>(luns: &'a Luns, name: &str) -> Result<&'a Lun, Failure> {
    let names = |lun: &'a Lun| {
        let row = lun.status.as_ref();
        [
            Some(lun.wwid.as_str()),
            row.and_then(|row| row.alias.as_deref()),
            row.and_then(|row| row.name.as_deref()),
        ]
        .into_iter()
        .flatten()
    };
    let which = |is: &dyn Fn(&str) -> bool| -> Vec<&'a Lun> {
        luns.luns.iter().filter(|lun| names(lun).any(is)).collect()
    };
    let mut found = which(&|of| of == name);
    if found.is_empty() && !name.is_empty() {
        found = which(&|of| of.starts_with(name));
    }
    match found[..] {
        [lun] => Ok(lun),
        [] => Err(Failure::new(format!(
            "no LUN is named {}, and none's alias or WWID begins so; there {}: pathkeeper lun list",
            clean(name),
            match luns.luns.len() {
                0 => "is none".to_owned(),
                1 => "is 1".to_owned(),
                n => format!("are {n}"),
            }
        ))),
        _ => {
            let some: Vec<String> = found
                .iter()
                .take(NAMES_MAX)
                .map(|lun| format!("{} ({})", clean(lun.label()), clean(&lun.wwid)))
                .collect();
            let more = if found.len() > NAMES_MAX { ", …" } else { "" };
            Err(Failure::new(format!(
                "{} may be {}: {}{more}; give more of the name, or the WWID",
                clean(name),
                count(found.len() as u64, "LUN"),
                some.join(", ")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::lun::fixtures::{lun, luns};

    #[test]
    fn a_lun_is_named_by_what_is_printed_or_by_the_beginning_of_it() {
        let mut named = lun("3600a02", None);
        named.status.as_mut().unwrap().name = Some("mpatha".into());
        let all = luns(vec![
            lun("3600a01", Some("data-01")),
            named,
            lun("3600b", Some("data-02")),
            lun("data", None),
        ]);
        let check = |name: &str, expect: &str| match find(&all, name) {
            Ok(lun) => assert_eq!(lun.wwid, expect, "{name}"),
            Err(e) => assert!(e.message().contains(expect), "{name}: {}", e.message()),
        };
        check("data-01", "3600a01");
        check("mpatha", "3600a02");
        check("3600b", "3600b");
        check("3600a01", "3600a01");
        check("data-0", "data-0 may be 2 LUNs: data-01 (3600a01), data-02 (3600b)");
        check("data", "data");
        check("3600", "may be 3 LUNs");
        check("mp", "3600a02");
        check("nope", "no LUN is named nope");
        check("", "no LUN is named");
        check("\u{1b}[2J", "no LUN is named ?[2J");
    }
}
