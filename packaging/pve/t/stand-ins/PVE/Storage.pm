package PVE::Storage;

# Stands for Proxmox VE's module in tests: it has a version and takes plugins in as the real one does.

use strict;
use warnings;

use PVE::Storage::Plugin;

our $VERSION_NOW = 13;
our $VERSION_AGE = 4;

sub APIVER { return $VERSION_NOW }

# What Proxmox VE does with each file in its folder of custom plugins.
sub take_in {
    my ($plugin) = @_;
    die "not derived from PVE::Storage::Plugin\n" if !$plugin->isa('PVE::Storage::Plugin');
    my $version = $plugin->api();
    die "newer than Proxmox VE itself\n" if $version > $VERSION_NOW;
    die "too old\n" if $version < $VERSION_NOW - $VERSION_AGE;
    $plugin->register();
}

1;
