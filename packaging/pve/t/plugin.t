#!/usr/bin/perl -T

# The storage plugin against stand-ins of Proxmox VE's base classes and of the program that it asks:
#
#     perl -T -I packaging/pve/t/stand-ins packaging/pve/t/plugin.t packaging/pve/MultipathPlugin.pm
#
# With taint checks, for Proxmox VE's daemons run so.

use strict;
use warnings;

use File::Temp qw(tempdir);
use Scalar::Util qw(tainted);
use Test::More;
use Time::HiRes qw(time);

use PVE::JSONSchema;
use PVE::Storage;
use PVE::Storage::Plugin;

my ($file) = ($ARGV[0] // '') =~ m/\A(.+)\z/ or die "usage: plugin.t PLUGIN\n";
require($file =~ m!\A/! ? $file : "./$file");
my $plugin = 'PVE::Storage::Custom::MultipathPlugin';

$ENV{PATH} = '/usr/bin:/bin';
delete @ENV{qw(IFS CDPATH ENV BASH_ENV)};

my ($dir) = tempdir(CLEANUP => 1) =~ m/\A(.+)\z/;
my $wwid = '3600a098038304479363f4c4870455a71';

sub spew {
    my ($path, $text) = @_;
    open(my $out, '>', $path) or die "$path: $!";
    print $out $text;
    close($out) or die "$path: $!";
}

# The program: says by what it was called, then does as it is told.
sub program {
    my ($script) = @_;
    spew("$dir/program", "#!/bin/sh\necho \"\$*\" >>$dir/calls\n$script\n");
    chmod(0755, "$dir/program");
    unlink("$dir/calls");
}

sub calls {
    open(my $in, '<', "$dir/calls") or return [];
    chomp(my @lines = <$in>);
    return \@lines;
}

sub dies_with {
    my ($code, $expect, $name) = @_;
    my @got = eval { $code->() };
    my $why = $@;
    like($why, $expect, $name);
    unlike($why, qr/ at \S+ line \d+/, "$name: in words for people");
    like($why, qr/\n\z/, "$name: the words are whole");
}

{
    no warnings 'once';
    $PVE::Storage::Custom::MultipathPlugin::PROGRAM = "$dir/program";
    $PVE::Storage::Custom::MultipathPlugin::BY_ID = "$dir/by-id";
    $PVE::Storage::Custom::MultipathPlugin::SYS = "$dir/sys";
}

subtest 'it is taken in, whatever else is there' => sub {
    is($plugin->type(), 'multipath', 'type');
    is($plugin->api(), 13, 'an older Proxmox VE');
    $PVE::Storage::VERSION_NOW = 99;
    is($plugin->api(), 15, 'a newer Proxmox VE: the newest that is known');
    $PVE::Storage::VERSION_NOW = 15;
    {

        package Other;
        our @ISA = ('PVE::Storage::Plugin');
        sub type { return 'other' }
        sub plugindata { return {} }
        sub properties { return { wwids => { type => 'string' } } }
    }
    my $data = PVE::Storage::Plugin->private();
    local $data->{plugins} = {};
    local $data->{propertyList} = { %{ $data->{propertyList} } };
    Other->register();
    PVE::Storage::take_in($plugin);
    ok(eval { PVE::Storage::Plugin->init(); 1 }, "another's property of that name breaks nothing") or diag($@);
    ok(!eval { $plugin->register(); 1 }, 'a second of the type is refused by Proxmox VE');
};

subtest 'what a section may hold' => sub {
    PVE::Storage::take_in($plugin);
    ok(eval { PVE::Storage::Plugin->init(); 1 }, 'the properties are there') or diag($@);
    is_deeply([sort keys %{ $plugin->options() }], [qw(bwlimit content disable nodes shared wwids)], 'options');
    is_deeply($plugin->plugindata()->{content}, [{ images => 1, none => 1 }, { images => 1 }], 'content');
    is(scalar(grep { $_ eq 'multipath' } @PVE::Storage::Plugin::SHARED_STORAGE), 1, 'shared');
    my $format = $plugin->properties()->{wwids}->{format};
    for my $good ($wwid, "$wwid,eui.0025388b910012ab", "$wwid nvme.1234-ab+c:d") {
        ok(eval { PVE::JSONSchema::check_format($format, $good); 1 }, "good: $good") or diag($@);
    }
    for my $bad ('a/b', "$wwid,a=b", "a\\b", 'x' x 128, '../x') {
        dies_with(sub { PVE::JSONSchema::check_format($format, $bad) }, qr/WWID/, "bad: $bad");
    }
};

subtest 'a volume is a WWID, and its path needs no agent' => sub {
    program('exit 9');
    is_deeply([$plugin->parse_volname($wwid)], ['images', $wwid, undef, undef, undef, undef, 'raw'], 'parts');
    for my $bad ('', '../../etc/passwd', 'vm 1', "$wwid\n", "$wwid,x", 'a/b') {
        dies_with(sub { $plugin->parse_volname($bad) }, qr/is no volume of a multipath storage/, "bad: '$bad'");
    }
    my $volname = $wwid . substr($ENV{HOME} // $0, 0, 0);
    my ($path, $owner, $vtype) = $plugin->path({}, $volname, 'san');
    is_deeply([$path, $owner, $vtype], ["$dir/by-id/dm-uuid-mpath-$wwid", undef, 'images'], 'nobody owns it');
    is(scalar($plugin->filesystem_path({}, $volname)), $path, 'scalar');
    is($plugin->map_volume('san', {}, $volname), $path, 'what the base class makes of it');
    ok(tainted($volname), 'the name came from outside') if ${^TAINT};
    ok(!tainted($path), 'and the path may be used');
    dies_with(sub { $plugin->path({}, $wwid, 'san', 'snap') }, qr/no snapshots/, 'snapshot');
    is_deeply(calls(), [], 'nobody was asked');
};

subtest 'the size is in sysfs' => sub {
    program('exit 9');
    mkdir("$dir/$_") for qw(by-id sys sys/class sys/class/block sys/class/block/dm-3);
    dies_with(sub { $plugin->volume_size_info({}, 'san', $wwid) }, qr/has no map of it/, 'no link');
    symlink('../../dm-3', "$dir/by-id/dm-uuid-mpath-$wwid");
    dies_with(sub { $plugin->volume_size_info({}, 'san', $wwid) }, qr!/dm-3/size: No such file!, 'no size');
    spew("$dir/sys/class/block/dm-3/size", "4294967296\n");
    is_deeply([$plugin->volume_size_info({}, 'san', $wwid, 5)], [2 << 40, 'raw', 2 << 40, undef], 'list');
    is(scalar($plugin->volume_size_info({}, 'san', $wwid)), 2 << 40, 'scalar');
    spew("$dir/sys/class/block/dm-3/size", "many\n");
    dies_with(sub { $plugin->volume_size_info({}, 'san', $wwid) }, qr/holds no number/, 'garbage');
    symlink('../../sda', "$dir/by-id/dm-uuid-mpath-other");
    dies_with(sub { $plugin->volume_size_info({}, 'san', 'other') }, qr/which is no map/, 'no map');
    is_deeply(calls(), [], 'nobody was asked');
};

my $list = <<"END";
{"schema":1,"storage":"san","more":[1],"volumes":[
 {"volid":"san:$wwid","content":"images","format":"raw","size":2199023255552,"alias":"oracle","map":"oracle","state":"optimal",
  "paths-active":4,"used-by":"VM 101 web","vmid":101},
 {"volid":"san:w2","size":1099511627776,"state":"missing","paths-active":null,"unusable":"pve1 has no map of it"},
 {"volid":"san:w3","state":"unknown"},
 {"volid":"san:a=b","state":"optimal"},
 {"volid":"other:w4","state":"optimal"}]}
END

sub prints {
    my ($text, $then) = @_;
    spew("$dir/answer", $text);
    program("cat $dir/answer\n" . ($then // ''));
}

subtest 'a list' => sub {
    prints($list);
    my $cache = {};
    my $images = $plugin->list_images('san', {}, undef, undef, $cache);
    is_deeply(
        $images,
        [
            {
                volid => "san:$wwid",
                format => 'raw',
                content => 'images',
                size => 2 << 40,
                notes => 'oracle, optimal, VM 101 web',
            },
            {
                volid => 'san:w2',
                format => 'raw',
                content => 'images',
                size => 1 << 40,
                notes => 'missing; not usable here: pve1 has no map of it',
            },
            { volid => 'san:w3', format => 'raw', content => 'images', notes => 'unknown' },
        ],
        'all that can be named; nobody owns them',
    );
    is_deeply([$plugin->status('san', {}, $cache)], [3 << 40, 1 << 40, 2 << 40, 1], 'all of it, free, used, active');
    is_deeply(calls(), ['--timeout 3 --output json volume list san'], 'it was asked once');
    my $some = $plugin->list_images('san', {}, undef, ['san:w3', 'san:none', 'other:w4'], {});
    is_deeply([map { $_->{volid} } @$some], ['san:w3'], 'those that are asked for');
    is_deeply($plugin->list_volumes('san', {}, undef, ['images']), $images, 'content');
    is(ref($plugin->list_images('san', {})), 'ARRAY', 'without a cache');
    prints('{"schema":1,"storage":"san","volumes":[]}');
    is_deeply($plugin->list_images('san', {}, undef, undef, {}), [], 'a storage without LUNs');
    is_deeply([$plugin->status('san', {}, {})], [0, 0, 0, 1], 'is active');
};

subtest 'no guest takes a LUN with it' => sub {
    program("echo 'pathkeeper: no agent answers' >&2; exit 3");
    is_deeply($plugin->list_images('san', {}, 101, undef, {}), [], 'whether there is an agent or not');
    is_deeply(calls(), [], 'it is not even asked');
};

subtest 'the agent is asked on this node alone' => sub {
    program("echo \"{\\\"schema\\\":1,\\\"volumes\\\":[{\\\"volid\\\":\\\"san:x\\\",\\\"alias\\\":\\\"\$PATHKEEPER_SERVER\$PATHKEEPER_TOKEN\\\"}]}\"");
    local $ENV{PATHKEEPER_SERVER} = 'https://elsewhere';
    local $ENV{PATHKEEPER_TOKEN} = 'secret';
    is($plugin->list_images('san', {}, undef, undef, {})->[0]->{notes}, '', 'nothing of it is passed on');
    is($ENV{PATHKEEPER_SERVER}, 'https://elsewhere', 'and it is as it was');
};

subtest 'whatever the program does, there are words and an end' => sub {
    my $check = sub {
        my ($script, $expect, $name) = @_;
        program($script);
        dies_with(sub { $plugin->list_images('san', {}, undef, undef, {}) }, $expect, "list: $name");
        dies_with(sub { $plugin->status('san', {}, {}) }, $expect, "status: $name");
    };
    $check->(
        "echo 'pathkeeper: no agent answers at /run/x: Connection refused' >&2; echo '  is the agent running?' >&2; exit 3",
        qr/\Astorage san: no agent answers at \/run\/x: Connection refused\n  is the agent running\?\n\z/,
        'no agent',
    );
    $check->('exit 7', qr/\Astorage san: .*exit code 7\n\z/, 'a status and no words');
    $check->('kill -9 $$', qr/\Astorage san: .*signal 9\n\z/, 'killed');
    $check->('echo nonsense', qr/printed no JSON object/, 'no JSON');
    $check->(':', qr/printed no JSON object/, 'nothing');
    $check->('echo "[1]"', qr/printed no JSON object/, 'another JSON');
    $check->('echo "{}"', qr/version none of its JSON/, 'no version');
    $check->(q(echo '{"schema":2,"volumes":[]}'), qr/version 2 of its JSON, this plugin reads 1/, 'a newer version');
    $check->(q(echo '{"schema":1}'), qr/no list of volumes/, 'no list');
    $check->(q(echo '{"schema":1,"volumes":{}}'), qr/no list of volumes/, 'another list');
    $check->(q(echo '{"schema":1,"volumes":[3]}'), qr/no list of volumes/, 'odd volumes');
    $check->(q(echo '{"schema":1,"volumes":[{}]}'), qr/no list of volumes/, 'nameless volumes');
    $check->('i=0; while [ $i -lt 99 ]; do echo "line $i" >&2; i=$((i+1)); done; exit 3', qr/\A(.*\n){6}\z/, 'too many words');
    unlink("$dir/program");
    dies_with(sub { $plugin->status('san', {}, {}) }, qr/is not installed on this node/, 'no program');
    program('exec yes 0123456789012345678901234567890123456789012345678901234567890123456789');
    dies_with(sub { $plugin->status('san', {}, {}) }, qr/prints more than \d+ bytes/, 'too long');
    dies_with(sub { $plugin->status('../x', {}, {}) }, qr/is no storage/, 'an odd storage');
};

subtest 'a program that hangs is killed' => sub {
    program("echo \$\$ >$dir/pid; exec sleep 600");
    my $began = time();
    dies_with(sub { $plugin->status('san', {}, {}) }, qr/was killed: no answer within 5 s/, 'in words');
    cmp_ok(time() - $began, '<', 30, 'soon');
    open(my $in, '<', "$dir/pid") or die $!;
    my ($pid) = <$in> =~ m/(\d+)/;
    is(kill(0, $pid), 0, 'and is gone');
};

subtest 'a volume is handed out by the word of the agent alone' => sub {
    my $good = "{\"schema\":1,\"volid\":\"san:$wwid\",\"path\":\"/dev/disk/by-id/dm-uuid-mpath-$wwid\"}";
    no warnings 'once';
    local $PVE::Storage::Custom::MultipathPlugin::IS_BLOCK_DEVICE = sub { return $_[0] =~ m/\Q$wwid\E\z/ };
    my $activate = sub { return $plugin->activate_volume('san', {}, $wwid, undef, {}, {}) };
    prints($good);
    ok($activate->(), 'good');
    is_deeply(calls(), ["--timeout 3 --output json volume path san:$wwid"], 'asked');
    ok($plugin->deactivate_volume('san', {}, $wwid, undef, {}), 'and taken back without asking');
    is(scalar(@{ calls() }), 1, 'as said');
    program("echo '{\"schema\":1}'; echo 'pathkeeper: san:$wwid: pve1 can use none of its 4 paths' >&2; exit 2");
    dies_with($activate, qr/\Avolume san:$wwid: pve1 can use none of its 4 paths\n\z/, 'refused');
    program("echo 'pathkeeper: no agent answers' >&2; exit 3");
    dies_with($activate, qr/\Avolume san:$wwid: no agent answers\n\z/, 'no agent');
    prints('{"schema":1,"path":"/dev/disk/by-id/dm-uuid-mpath-other"}');
    dies_with($activate, qr/names another path/, 'another LUN');
    prints('{"schema":1}');
    dies_with($activate, qr/names another path/, 'no path');
    prints($good);
    $PVE::Storage::Custom::MultipathPlugin::IS_BLOCK_DEVICE = sub { return 0 };
    dies_with($activate, qr/udev has made no/, 'no device');
    dies_with(sub { $plugin->activate_volume('san', {}, $wwid, 'snap', {}) }, qr/no snapshots/, 'snapshot');
    dies_with(sub { $plugin->deactivate_volume('san', {}, $wwid, 'snap', {}) }, qr/no snapshots/, 'snapshot, back');
    ok($plugin->activate_storage('san', {}, {}) && $plugin->deactivate_storage('san', {}, {}), 'a storage is just there');
    ok($plugin->check_connection('san', {}), 'and online');
};

subtest 'what is not done here is refused in words' => sub {
    my %calls = (
        alloc_image => ['san', {}, 101, 'raw', undef, 1024],
        free_image => ['san', {}, $wwid, undef, 'raw'],
        clone_image => [{}, 'san', $wwid, 101, undef],
        create_base => ['san', {}, $wwid],
        rename_volume => [{}, 'san', $wwid, 102, undef],
        volume_resize => [{}, 'san', $wwid, 1, 0],
        volume_snapshot => [{}, 'san', $wwid, 'snap'],
        volume_snapshot_rollback => [{}, 'san', $wwid, 'snap'],
        volume_snapshot_delete => [{}, 'san', $wwid, 'snap', 0],
        volume_snapshot_info => [{}, 'san', $wwid],
        volume_export => [{}, 'san'],
        volume_import => [{}, 'san'],
    );
    for my $method (sort keys %calls) {
        dies_with(sub { $plugin->$method(@{ $calls{$method} }) }, qr/\Astorage of type multipath: \S/, $method);
    }
    ok($plugin->volume_has_feature({}, 'copy', 'san', $wwid), 'a LUN can be copied');
    for my $feature (qw(snapshot clone template rename sparseinit replicate)) {
        ok(!$plugin->volume_has_feature({}, $feature, 'san', $wwid), "no $feature");
    }
    is_deeply([$plugin->volume_export_formats({}, 'san', $wwid)], [], 'no export');
    is_deeply([$plugin->volume_import_formats({}, 'san', $wwid)], [], 'no import');
};

done_testing();
