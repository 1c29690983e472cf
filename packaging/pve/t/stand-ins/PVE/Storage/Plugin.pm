package PVE::Storage::Plugin;

# Stands for Proxmox VE's base class in tests: registration as there, and no method that a storage without files could use.

use strict;
use warnings;

our @SHARED_STORAGE = ('iscsi');

my $data = {
    propertyList => { map { $_ => { optional => 1 } } qw(type storage nodes disable content shared bwlimit) },
    plugins => {},
    plugindata => {},
};

sub private { return $data }

sub properties { return {} }

sub options { return {} }

sub register {
    my ($class) = @_;
    my $type = $class->type();
    die "duplicate plugin registration (type = $type)" if $data->{plugins}->{$type};
    $data->{plugins}->{$type} = $class;
    $data->{plugindata}->{$type} = $class->plugindata();
}

# Dies where the real one does, and then Proxmox VE has no storages at all.
sub init {
    for my $plugin (values %{ $data->{plugins} }) {
        my $properties = $plugin->properties();
        for my $name (keys %$properties) {
            die "duplicate property '$name'" if $data->{propertyList}->{$name};
            $data->{propertyList}->{$name} = $properties->{$name};
        }
    }
    for my $plugin (values %{ $data->{plugins} }) {
        $data->{propertyList}->{$_} || die "undefined property '$_'" for keys %{ $plugin->options() };
    }
}

# What the real one does for storages with files, and what would be wrong for LUNs.
for my $method (
    qw(parse_volname filesystem_path path list_images list_volumes status activate_storage deactivate_storage
    activate_volume deactivate_volume volume_size_info volume_has_feature alloc_image free_image clone_image create_base
    rename_volume volume_resize volume_snapshot volume_snapshot_rollback volume_snapshot_delete volume_snapshot_info
    volume_export volume_import volume_export_formats volume_import_formats check_connection)
) {
    no strict 'refs';
    *$method = sub { die "the base class's $method was reached\n" };
}

sub map_volume {
    my ($class, $storeid, $scfg, $volname, $snapname, $hints) = @_;
    my ($path) = $class->path($scfg, $volname, $storeid, $snapname);
    return $path;
}

1;
