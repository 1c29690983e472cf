//! The kernel as second witness: its own list of multipath maps, whatever multipathd does.
//!
//! Only questions are asked, and none waits for I/O. Where device-mapper is not loaded its control node is not opened,
//! since opening it would load it.

mod answer;
mod ioctl;
pub mod text;

use crate::roots::Roots;
use ioctl::{Ask, BUFFER_FULL, NO_FLUSH, SUSPENDED, WANT_TABLE, WANT_UUID};
use pathkeeper_model::Wwid;
use pathkeeper_model::local::KernelMap;
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

/// What multipath maps' UUIDs begin with (libmultipath/devmapper.h, `UUID_PREFIX`).
const UUID_PREFIX: &str = "mpath-";
/// Bytes of a sector in tables.
const SECTOR_BYTES: u64 = 512;
/// Room for an answer at first, and at most.
const BUFFER_BYTES: usize = 4096;
const BUFFER_BYTES_MAX: usize = 16 << 20;

/// Asks the kernel; keeps its buffers from one time to the next.
#[derive(Debug, Default)]
pub struct KernelReader {
    list: Vec<u8>,
    status: Vec<u8>,
}

impl KernelReader {
    /// All multipath maps as the kernel has them now; the error is words for a person.
    pub fn read(&mut self, roots: &Roots) -> Result<Vec<KernelMap>, String> {
        let control = open_control(roots)?;
        let head = ask(&control, Ask::Devices, 0, WANT_UUID, &mut self.list)
            .map_err(|error| format!("device-mapper did not give its list of devices: {error}"))?;
        let mut maps = Vec::new();
        for device in answer::devices(&self.list, head.data_start) {
            let uuid = match device.uuid {
                Some(uuid) => uuid,
                None => match ask(&control, Ask::Device, device.dev, 0, &mut self.status) {
                    Ok(head) => head.uuid,
                    // It went away since the list.
                    Err(Errno::NXIO) => continue,
                    Err(error) => return Err(format!("device-mapper did not tell a device's name: {error}")),
                },
            };
            let Some(wwid) = uuid.strip_prefix(UUID_PREFIX).and_then(Wwid::new) else { continue };
            match self.read_map(&control, device.dev, wwid) {
                Ok(map) => maps.push(map),
                Err(Errno::NXIO) => {}
                Err(error) => {
                    return Err(format!("device-mapper did not give the status of {uuid}: {error}"));
                }
            }
        }
        Ok(maps)
    }

    fn read_map(&mut self, control: &OwnedFd, dev: u64, wwid: Wwid) -> Result<KernelMap, Errno> {
        let head = ask(control, Ask::Table, dev, NO_FLUSH, &mut self.status)?;
        let targets = answer::targets(&self.status, &head);
        let status = match targets.as_slice() {
            [one] if one.kind == "multipath" => text::parse_status(&one.text),
            _ => None,
        };
        let sectors = targets.iter().map(|target| target.start.saturating_add(target.length)).max();
        let table_head = ask(control, Ask::Table, dev, NO_FLUSH | WANT_TABLE, &mut self.status)?;
        let queue_if_no_path = answer::targets(&self.status, &table_head)
            .iter()
            .filter_map(|target| text::parse_table(&target.text))
            .any(|table| table.queue_if_no_path());
        let unreadable = status.is_none();
        let status = status.unwrap_or_default();
        Ok(KernelMap {
            name: head.name,
            wwid,
            dev_t: answer::dev_t(dev),
            size_bytes: sectors.unwrap_or(0).saturating_mul(SECTOR_BYTES),
            open_count: head.open_count,
            suspended: head.flags & SUSPENDED != 0,
            queue_if_no_path,
            queued: status.queue_io,
            paths: status.paths,
            unreadable,
        })
    }
}

/// One question, with as much room as its answer needs.
fn ask(
    control: &OwnedFd,
    ask: Ask,
    dev: u64,
    flags: u32,
    buffer: &mut Vec<u8>,
) -> Result<answer::Header, Errno> {
    if buffer.is_empty() {
        buffer.resize(BUFFER_BYTES, 0);
    }
    loop {
        // Kernels before interface 4.45 leave the place of a list entry's flags as it was, so it must not bear old bytes.
        buffer.fill(0);
        match ioctl::call(control, ask, dev, flags, buffer) {
            Ok(()) => {}
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error),
        }
        let head = answer::header(buffer).ok_or(Errno::INVAL)?;
        if head.flags & BUFFER_FULL == 0 {
            return Ok(head);
        }
        if buffer.len() >= BUFFER_BYTES_MAX {
            return Err(Errno::OVERFLOW);
        }
        let larger = (buffer.len() * 4).min(BUFFER_BYTES_MAX);
        buffer.resize(larger, 0);
    }
}

/// Opens `/dev/mapper/control` where device-mapper is loaded: misc device as `/sys/class/misc/device-mapper/dev` says.
fn open_control(roots: &Roots) -> Result<OwnedFd, String> {
    let loaded = crate::sysfs::file::read_text(&roots.sys.join("class/misc/device-mapper/dev"));
    let Some(number) = loaded else {
        return Err("device-mapper is not loaded in this kernel".to_owned());
    };
    let path = roots.dev.join("mapper/control");
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let at = path.display();
    // The node is looked at before it is opened: opening a stranger's device node could do anything.
    let stat = rustix::fs::stat(&path).map_err(|error| format!("{at} cannot be found: {error}"))?;
    let node = format!("{}:{}", rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev));
    if FileType::from_raw_mode(stat.st_mode) != FileType::CharacterDevice || node != number {
        return Err(format!("{at} is not device-mapper's control node ({number})"));
    }
    rustix::fs::openat(CWD, &path, flags, Mode::empty())
        .map_err(|error| format!("{at} cannot be opened: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Tree;

    #[test]
    fn without_device_mapper_there_are_words() {
        let tree = Tree::new();
        let roots = Roots::below(tree.root());
        let say = || KernelReader::default().read(&roots).unwrap_err();
        assert_eq!(say(), "device-mapper is not loaded in this kernel");
        tree.file("sys/class/misc/device-mapper/dev", "10:236\n");
        assert!(say().contains("mapper/control cannot be found"), "{}", say());
        tree.file("dev/mapper/control", "");
        assert!(say().contains("is not device-mapper's control node (10:236)"), "{}", say());
        // A character device with the right number that is none of device-mapper's: the question is an error, not a hang.
        tree.file("sys/class/misc/device-mapper/dev", "1:3\n");
        std::fs::remove_file(tree.root().join("dev/mapper/control")).unwrap();
        tree.link("dev/mapper/control", "/dev/null");
        assert!(say().contains("did not give its list of devices"), "{}", say());
    }
}
