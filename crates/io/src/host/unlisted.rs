//! Disks that multipathd does not list: it drops from its list what a blacklist rule excludes, so that a LUN may be there,
//! with all its devices, and nobody says so. Which rule it was is told by multipathd's own order of looking (filter_path in
//! its libmultipath/blacklist.c).

use pathkeeper_model::Wwid;
use pathkeeper_model::local::PathDevice;
use pathkeeper_model::multipath_conf::Device;

use super::settings::Settings;
use crate::roots::Roots;
use crate::sysfs::device::read_device;
use crate::sysfs::file::{is_plain, names, read_at_most, read_text};

/// Block devices that are looked at, and those that are told.
const DEVICES_MAX: usize = 65_536;
const TOLD_MAX: usize = 4_096;
/// udev's record of one device.
const UDEV_BYTES_MAX: usize = 64 << 10;

/// Each with the rule that excludes it; those that no rule excludes are none of multipath's business, or it will list them.
pub(super) fn read(roots: &Roots, settings: &Settings, is_listed: impl Fn(&str) -> bool) -> Vec<PathDevice> {
    let could_be = |name: &&String| {
        let kind = ["sd", "nvme", "dasd"].iter().any(|start| name.starts_with(start));
        kind && is_plain(name) && !is_listed(name)
    };
    let all = names(&roots.sys.join("block"), DEVICES_MAX);
    all.iter().filter(could_be).filter_map(|name| excluded(roots, settings, name)).take(TOLD_MAX).collect()
}

fn excluded(roots: &Roots, settings: &Settings, name: &str) -> Option<PathDevice> {
    let block = roots.sys.join("block").join(name);
    let dev_t = read_text(&block.join("dev"))?;
    let record =
        read_at_most(&roots.run.join("udev/data").join(format!("b{}", plain(&dev_t)?)), UDEV_BYTES_MAX)?;
    let record = String::from_utf8_lossy(&record);
    let properties: Vec<(&str, &str)> =
        record.lines().filter_map(|line| line.strip_prefix("E:")?.split_once('=')).collect();
    let said = |key: &str| properties.iter().find(|(of, _)| *of == key).map(|(_, value)| *value);
    let uid_attribute = settings.uid_attribute(name);
    let wwid = said(uid_attribute).and_then(Wwid::new)?;
    let vendor = read_text(&block.join("device/vendor"));
    let product = read_text(&block.join("device/model"));
    let facts = read_device(&roots.sys, name);
    let keys: Vec<&str> = properties.iter().map(|(key, _)| *key).collect();
    let protocol = protocol(facts.transport.as_deref(), name);
    let device = Device {
        name,
        vendor: vendor.as_deref(),
        product: product.as_deref(),
        protocol,
        wwid: Some(wwid.as_str()),
        properties: &keys,
        uid_attribute,
    };
    let rule = settings.excluding_rule(&device)?;
    let product = match (&vendor, &product) {
        (Some(vendor), Some(product)) => Some(format!("{vendor} {product}")),
        (one, other) => one.as_ref().or(other.as_ref()).cloned(),
    };
    Some(PathDevice {
        wwid: Some(wwid),
        product: product.map(Into::into),
        loose_because: "blacklisted".into(),
        rule: Some(rule.into()),
        ..PathDevice::unknown(name, &dev_t)
    })
}

fn plain(dev_t: &str) -> Option<&str> {
    dev_t.bytes().all(|b| b.is_ascii_digit() || b == b':').then_some(dev_t)
}

/// As multipathd's `%P` has it.
fn protocol(transport: Option<&str>, name: &str) -> &'static str {
    match transport {
        Some("fc" | "fcoe") => "scsi:fcp",
        Some("iscsi") => "scsi:iscsi",
        Some("sas") => "scsi:sas",
        Some("srp") => "scsi:srp",
        Some("ata") => "scsi:ata",
        Some("usb") => "scsi:usb",
        Some("spi") => "scsi:spi",
        Some("nvme") => "nvme:unspec",
        _ if name.starts_with("dasd") => "ccw",
        _ => "scsi:unspec",
    }
}
