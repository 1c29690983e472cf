//! The command line of the test machine. Used by the tests and, for a shell by hand, by `cargo xtask vm-shell`.

use std::ffi::OsString;
use std::path::Path;

/// The LUNs and paths of one machine.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// LUNs; LUN `i` has the WWID that [`wwid`] gives.
    pub luns: u16,
    /// Paths to each LUN, each by an adapter of its own.
    pub paths: u16,
    /// Bytes of each LUN.
    pub lun_bytes: u64,
    /// Virtual processors.
    pub cpus: u16,
    /// Memory in MiB.
    pub memory_mib: u16,
    /// Node name.
    pub node: &'static str,
    /// Whether it has a network of its own, in which it is [`ADDRESS`] and reaches the loopback address of the host, and
    /// nobody else, at [`HOST`].
    pub network: bool,
    /// The networks that it shares with other machines.
    pub lans: Lans,
}

/// The networks between machines.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lans {
    /// Of each network, the port of the loopback address at which its switch listens; 0 = it is not there.
    pub switches: [u16; 2],
    /// Which machine this is: in network `n`, counted from 1, it has the address `10.9.n.host`.
    pub host: u8,
}

impl Shape {
    /// One small machine without networks; for others a `..Shape::ONE` says what they have in common.
    pub const ONE: Self = Self {
        luns: 1,
        paths: 2,
        lun_bytes: 64 << 20,
        cpus: 1,
        memory_mib: 384,
        node: "node1",
        network: false,
        lans: Lans { switches: [0; 2], host: 0 },
    };
}

/// A machine's address in its own network; QEMU's default, the same in every machine.
const ADDRESS: &str = "10.0.2.15/24";
/// Where a machine with a network finds what listens on 127.0.0.1 of the host.
#[allow(dead_code, reason = "the tests use it and xtask does not")]
pub const HOST: &str = "10.0.2.2";

/// Where the machine's two serial lines go.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "the tests use the one and xtask the other")]
pub enum Console {
    /// The console to `console.log`; commands for the guest and QEMU's own monitor over TCP connections to these ports
    /// of the loopback address, which listen already: so no port is ever guessed.
    Commands { guest: u16, monitor: u16 },
    /// The console to this terminal, for a person.
    Terminal,
}

/// The WWID of LUN `lun`, counted from 1: NAA 5, as udev's scsi_id prints it.
pub fn wwid(lun: u16) -> String {
    format!("3{:016x}", naa(lun))
}

/// The number in that name.
pub fn naa(lun: u16) -> u64 {
    0x5000_c500_a000_0000 + u64::from(lun)
}

/// The serial number of LUN `lun`.
pub fn serial(lun: u16) -> String {
    format!("LUN{lun:04}")
}

/// What QEMU calls the path to LUN `lun` by adapter `path`, counted from 0.
pub fn device_id(lun: u16, path: u16) -> String {
    format!("lun{lun}path{path}")
}

/// The file behind LUN `lun` in the machine's directory.
pub fn lun_file(lun: u16) -> String {
    format!("lun{lun}.raw")
}

/// Arguments for the image's `qemu`, to be run in the machine's own directory, which holds the LUN files and `share`.
pub fn arguments(image: &Path, shape: &Shape, console: Console) -> Vec<OsString> {
    let mut args: Vec<OsString> = Vec::new();
    let mut add = |words: &[&str]| args.extend(words.iter().map(OsString::from));
    // Software emulation everywhere: a machine with KVM is only faster, and some KVMs cannot run this guest at all.
    // Without a bound the translation buffer grows to over a gigabyte.
    add(&["-machine", "pc", "-accel", "tcg,thread=multi,tb-size=128", "-cpu", "qemu64"]);
    add(&["-smp", &shape.cpus.to_string(), "-m", &shape.memory_mib.to_string()]);
    add(&["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]);
    // The time stamp counter, calibrated on a busy host, was once 2.8 times too fast: the ACPI timer is right. On a very busy
    // one the kernel's check of the timer interrupt fails, and it panics: it is not checked.
    let address = if shape.network { format!(" address={ADDRESS}") } else { String::new() };
    let kernel_line = format!(
        "console=ttyS0 quiet panic=-1 mitigations=off nokaslr tsc=unstable clocksource=acpi_pm no_timer_check audit=0 node={}{address}",
        shape.node
    );
    add(&["-append", &kernel_line]);
    add(&["-fsdev", "local,id=host,path=share,security_model=none,multidevs=remap"]);
    add(&["-device", "virtio-9p-pci,fsdev=host,mount_tag=host"]);
    match console {
        Console::Commands { guest, monitor } => {
            add(&["-monitor", "none", "-serial", "file:console.log", "-device", "virtio-serial-pci"]);
            add(&["-chardev", &format!("socket,id=control,host=127.0.0.1,port={guest}")]);
            add(&["-device", "virtserialport,chardev=control,name=control"]);
            add(&["-chardev", &format!("socket,id=qmp,host=127.0.0.1,port={monitor}")]);
            add(&["-mon", "chardev=qmp,mode=control"]);
        }
        Console::Terminal => add(&["-serial", "mon:stdio"]),
    }
    if shape.network {
        // Without a boot ROM: nothing boots from it, and the package that has it is not unpacked.
        add(&["-netdev", "user,id=net0,ipv6=off", "-device", "virtio-net-pci,netdev=net0,romfile="]);
    }
    for (number, port) in (1..).zip(shape.lans.switches).filter(|(_, port)| *port > 0) {
        // The guest knows the network by the address of its card.
        let host = shape.lans.host;
        add(&["-netdev", &format!("socket,id=lan{number},connect=127.0.0.1:{port}")]);
        add(&[
            "-device",
            &format!("virtio-net-pci,netdev=lan{number},romfile=,mac=52:54:00:09:0{number}:{host:02x}"),
        ]);
    }
    for path in 0..shape.paths {
        add(&["-device", &format!("virtio-scsi-pci,id=hba{path},num_queues=1")]);
    }
    for lun in 1..=shape.luns {
        let file = lun_file(lun);
        add(&["-blockdev", &format!("driver=file,filename={file},node-name=file{lun},locking=off")]);
        add(&["-blockdev", &format!("driver=raw,file=file{lun},node-name=lun{lun}")]);
        for path in 0..shape.paths {
            // Several devices on one node are several paths to one LUN: same name, same serial number.
            let device = format!(
                "scsi-hd,id={},bus=hba{path}.0,drive=lun{lun},share-rw=on,serial={},wwn={:#x},\
                 vendor=LABSAN,product=VDISK,ver=1.0,channel=0,scsi-id=0,lun={lun}",
                device_id(lun, path),
                serial(lun),
                naa(lun)
            );
            add(&["-device", &device]);
        }
    }
    for (flag, file) in [("-kernel", "vmlinux"), ("-initrd", "initrd.cpio")] {
        args.push(flag.into());
        args.push(image.join(file).into());
    }
    args
}
