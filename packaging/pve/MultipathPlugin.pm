package PVE::Storage::Custom::MultipathPlugin;

# A storage of type `multipath` for Proxmox VE: its volumes are LUNs behind dm-multipath, named by their WWID.
#
# Nothing is judged here. Which LUNs there are, which may be used and in what state they are is what Pathkeeper's agent on this
# node says, through its command line, which finds the agent, knows what to say when there is none, and has a deadline. What
# has to work while the agent is away (a guest that runs is looked at, moved off or stopped) does not ask it: a path is made
# from the WWID alone, a size is read from sysfs. No block device is ever opened or read here; that could hang.

use strict;
use warnings;

use JSON::PP ();

use PVE::JSONSchema;
use PVE::Storage::Plugin;
use PVE::Tools qw(run_command);

use base qw(PVE::Storage::Plugin);

# The newest version of Proxmox VE's storage API of which all changes are heeded here.
use constant API_VERSION_MAX => 15;
# How long the agent may take, and how long the program that asks it; seconds. Proxmox VE asks all storages one after the
# other, every 10 s, so one that waits makes all of them late.
use constant AGENT_TIMEOUT_S => 3;
use constant PROGRAM_TIMEOUT_S => 5;
# No answer is longer; 10,000 volumes are some 5 MiB.
use constant ANSWER_BYTES_MAX => 32 * 1024 * 1024;
# Lines of a refusal that are passed on.
use constant LINES_MAX => 6;
# The version of the program's JSON.
use constant SCHEMA => 1;

# Elsewhere in tests alone.
our $PROGRAM = '/usr/bin/pathkeeper';
our $BY_ID = '/dev/disk/by-id';
our $SYS = '/sys';

# The same LUNs on all nodes, whatever the section says: guests may move without their disks being copied.
push @PVE::Storage::Plugin::SHARED_STORAGE, 'multipath'
    if !grep { $_ eq 'multipath' } @PVE::Storage::Plugin::SHARED_STORAGE;

PVE::JSONSchema::register_format('pathkeeper-wwid', \&verify_wwid);

# As it may stand in the name of a volume, in a guest's configuration and, unchanged by udev, in the name of a link.
sub verify_wwid {
    my ($wwid, $noerr) = @_;
    return $1 if $wwid =~ m/\A([A-Za-z0-9._:+-]{1,127})\z/;
    return undef if $noerr;
    die "value does not look like the WWID of a LUN\n";
}

# Configuration

sub api {
    my $now = PVE::Storage->can('APIVER');
    my $version = $now ? $now->() : API_VERSION_MAX;
    return $version < API_VERSION_MAX ? $version : API_VERSION_MAX;
}

sub type {
    return 'multipath';
}

sub plugindata {
    return {
        content => [{ images => 1, none => 1 }, { images => 1 }],
        # Disks are chosen from what is there.
        select_existing => 1,
        'sensitive-properties' => {},
    };
}

sub properties {
    my ($class) = @_;
    # A property that two plugins declare keeps Proxmox VE from reading storage.cfg at all, so another's declaration is left
    # to stand.
    my $others = PVE::Storage::Plugin->private()->{plugins} // {};
    for my $other (grep { $_ ne __PACKAGE__ } values %$others) {
        return {} if exists(($other->properties() // {})->{wwids});
    }
    return {
        wwids => {
            description => "WWIDs of the LUNs that are volumes of the storage; without it, all that Pathkeeper's"
                . " multipath.cfg allows.",
            type => 'string',
            format => 'pathkeeper-wwid-list',
        },
    };
}

sub options {
    return {
        wwids => { optional => 1 },
        nodes => { optional => 1 },
        disable => { optional => 1 },
        content => { optional => 1 },
        shared => { optional => 1 },
        bwlimit => { optional => 1 },
    };
}

# Asking

# Runs the program and gives what it printed; dies in its words, or in ours where it has none.
my sub ask {
    my ($what, $name, @args) = @_;
    $what = "$what $name";
    die "$what: $PROGRAM is not installed on this node\n" if !-x $PROGRAM;
    # This node's agent is meant, whatever the shell of the person who runs this is set to.
    delete local @ENV{qw(PATHKEEPER_SERVER PATHKEEPER_CA PATHKEEPER_TOKEN PATHKEEPER_TOKEN_FILE)};
    my ($out, $bytes, @said) = ('', 0);
    eval {
        run_command(
            [$PROGRAM, '--timeout', AGENT_TIMEOUT_S, '--output', 'json', @args, $name],
            timeout => PROGRAM_TIMEOUT_S,
            outfunc => sub {
                my ($line) = @_;
                $bytes += length($line) + 1;
                die "it prints more than " . ANSWER_BYTES_MAX . " bytes\n" if $bytes > ANSWER_BYTES_MAX;
                $out .= "$line\n";
            },
            errfunc => sub {
                my ($line) = @_;
                push @said, $line if @said < LINES_MAX && $line =~ m/\S/;
            },
        );
    };
    if (my $err = $@) {
        chomp $err;
        die "$what: $PROGRAM was killed: no answer within " . PROGRAM_TIMEOUT_S . " s\n" if $err =~ m/got timeout\z/;
        die "$what: $err\n" if $err !~ m/exit code [0-9]+\z/ || !@said;
        # What it says of itself and of the volume stands before it already.
        $said[0] =~ s/\A(?:pathkeeper: )?(?:\Q$name\E: )?//;
        die "$what: " . join("\n", @said) . "\n";
    }
    my $answer = eval { JSON::PP::decode_json($out) };
    if (ref($answer) ne 'HASH') {
        die "$what: $PROGRAM printed no JSON object: its version and this plugin's do not fit\n";
    }
    my $schema = $answer->{schema} // 'none';
    if ($schema ne SCHEMA) {
        die "$what: $PROGRAM prints version $schema of its JSON, this plugin reads " . SCHEMA
            . ": install the version that belongs to it\n";
    }
    return $answer;
}

my sub untainted_storage {
    my ($storeid) = @_;
    return $1 if $storeid =~ m/\A([a-z][a-z0-9\-\_\.]*[a-z0-9])\z/i;
    die "'$storeid' is no storage\n";
}

# The storage's volumes on this node; one question serves one request of Proxmox VE's.
my sub volumes {
    my ($storeid, $cache) = @_;
    my $known = $cache ? $cache->{pathkeeper}->{$storeid} : undef;
    return $known if $known;
    $storeid = untainted_storage($storeid);
    my $answer = ask('storage', $storeid, 'volume', 'list');
    my $list = $answer->{volumes};
    my $good = ref($list) eq 'ARRAY' && !grep { ref($_) ne 'HASH' || !defined($_->{volid}) } @$list;
    die "storage $storeid: $PROGRAM printed no list of volumes\n" if !$good;
    $cache->{pathkeeper}->{$storeid} = $list if $cache;
    return $list;
}

# Volumes

sub parse_volname {
    my ($class, $volname) = @_;
    my $wwid = verify_wwid($volname, 1);
    die "'$volname' is no volume of a multipath storage: they are named by the WWID of a LUN\n" if !defined($wwid);
    # Nobody owns a LUN: with the guest it is not removed.
    return ('images', $wwid, undef, undef, undef, undef, 'raw');
}

# It is the same on all nodes and stays when an alias changes, and no agent is needed to know it.
sub filesystem_path {
    my ($class, $scfg, $volname, $snapname) = @_;
    die "LUNs have no snapshots here\n" if defined($snapname);
    my ($vtype, $wwid, $vmid) = $class->parse_volname($volname);
    my $path = "$BY_ID/dm-uuid-mpath-$wwid";
    return wantarray ? ($path, $vmid, $vtype) : $path;
}

sub path {
    my ($class, $scfg, $volname, $storeid, $snapname) = @_;
    return $class->filesystem_path($scfg, $volname, $snapname);
}

# A word for people, in the list of the storage's content.
my sub notes {
    my ($volume) = @_;
    my $name = $volume->{alias} // $volume->{map};
    my @words = grep { defined($_) && length($_) } ($name, $volume->{state}, $volume->{'used-by'});
    my $notes = join(', ', @words);
    return defined($volume->{unusable}) ? "$notes; not usable here: $volume->{unusable}" : $notes;
}

sub list_images {
    my ($class, $storeid, $scfg, $vmid, $vollist, $cache) = @_;
    # A guest that is destroyed takes with it what is listed as its own. This does not depend on the agent.
    return [] if defined($vmid) && !$vollist;
    my %wanted = map { $_ => 1 } @{ $vollist // [] };
    my $res = [];
    for my $volume (@{ volumes($storeid, $cache) }) {
        my $volid = $volume->{volid};
        next if $vollist && !$wanted{$volid};
        # What cannot be named here cannot be used here.
        next if $volid !~ m/\A\Q$storeid\E:(.+)\z/s || !defined(verify_wwid($1, 1));
        my $info = { volid => $volid, format => 'raw', content => 'images', notes => notes($volume) };
        $info->{size} = $volume->{size} + 0 if defined($volume->{size});
        push @$res, $info;
    }
    return $res;
}

# All are images, whatever of that the storage may be used for; the list in the web interface is made from this.
sub list_volumes {
    my ($class, $storeid, $scfg, $vmid, $content_types) = @_;
    return $class->list_images($storeid, $scfg, $vmid);
}

# From sysfs: asking a program for it would open the device, and that can hang.
sub volume_size_info {
    my ($class, $scfg, $storeid, $volname, $timeout) = @_;
    my $path = $class->filesystem_path($scfg, $volname);
    my $link = readlink($path) // die "$storeid:$volname: this node has no map of it ($path: $!)\n";
    my ($dm) = $link =~ m!(?:\A|/)(dm-[0-9]+)\z!
        or die "$storeid:$volname: $path leads to $link, which is no map\n";
    my $file = "$SYS/class/block/$dm/size";
    open(my $handle, '<', $file) or die "$storeid:$volname: $file: $!\n";
    my $sectors = <$handle> // '';
    close($handle);
    $sectors =~ m/\A([0-9]+)\s*\z/ or die "$storeid:$volname: $file holds no number\n";
    # Always of 512 bytes, whatever the device's own are.
    my $size = $1 * 512;
    return wantarray ? ($size, 'raw', $size, undef) : $size;
}

sub volume_has_feature {
    my ($class, $scfg, $feature, $storeid, $volname, $snapname, $running, $opts) = @_;
    $class->parse_volname($volname);
    return $feature eq 'copy' && !$snapname ? 1 : undef;
}

sub volume_export_formats {
    return ();
}

sub volume_import_formats {
    return ();
}

# Storages and volumes, up and down

# What is used is all that a guest, a storage or a person is said to use.
sub status {
    my ($class, $storeid, $scfg, $cache) = @_;
    my ($total, $used) = (0, 0);
    for my $volume (@{ volumes($storeid, $cache) }) {
        my $size = $volume->{size} // 0;
        $total += $size;
        $used += $size if defined($volume->{'used-by'});
    }
    return ($total, $total - $used, $used, 1);
}

sub check_connection {
    return 1;
}

# Nothing is to be done: maps are multipathd's, and no LUN is asked for before it is used.
sub activate_storage {
    return 1;
}

sub deactivate_storage {
    return 1;
}

my sub is_block_device {
    my ($path) = @_;
    return -b $path;
}

our $IS_BLOCK_DEVICE = \&is_block_device;

# The agent has the last word on whether this node can hand the LUN out. While it does not answer nothing is started on a LUN.
sub activate_volume {
    my ($class, $storeid, $scfg, $volname, $snapname, $cache, $hints) = @_;
    my $path = $class->filesystem_path($scfg, $volname, $snapname);
    my ($vtype, $wwid) = $class->parse_volname($volname);
    my $volid = untainted_storage($storeid) . ":$wwid";
    my $answer = ask('volume', $volid, 'volume', 'path');
    my ($said, $link) = ($answer->{path} // '', "dm-uuid-mpath-$wwid");
    die "volume $volid: the agent names another path ('$said') than this plugin ('$path')\n"
        if $said !~ m!/\Q$link\E\z!;
    die "volume $volid: this node has a map of it, and udev has made no $path: udevadm settle; ls -l $BY_ID\n"
        if !$IS_BLOCK_DEVICE->($path);
    return 1;
}

# The map is multipathd's.
sub deactivate_volume {
    my ($class, $storeid, $scfg, $volname, $snapname, $cache) = @_;
    die "LUNs have no snapshots here\n" if defined($snapname);
    return 1;
}

# What is done on the array, or not at all

my %refused = (
    alloc_image => "a LUN is made on the array, and allowed in multipath.cfg",
    free_image => "a LUN is taken away on the array: pathkeeper lun retire WWID says in which order",
    clone_image => "LUNs are not cloned here: full clones go to another storage",
    create_base => "a LUN is no template",
    rename_volume => "a LUN is named by its WWID, and belongs to no guest",
    rename_snapshot => "LUNs have no snapshots here",
    volume_resize => "a LUN grows on the array: pathkeeper lun resize WWID says in which order",
    volume_snapshot => "LUNs have no snapshots here",
    volume_snapshot_rollback => "LUNs have no snapshots here",
    volume_snapshot_delete => "LUNs have no snapshots here",
    volume_snapshot_info => "LUNs have no snapshots here",
    volume_rollback_is_possible => "LUNs have no snapshots here",
    volume_export => "LUNs are not exported: on all nodes they are the same",
    volume_import => "LUNs are not imported",
);

for my $method (keys %refused) {
    no strict 'refs';
    *$method = sub { die "storage of type multipath: $refused{$method}\n" };
}

1;
