#!/usr/bin/perl

# Calls one method of the plugin with the stand-ins, and prints what it gives as JSON: for tests with a real agent.
#
#     PATHKEEPER=…/pathkeeper perl -I …/t/stand-ins …/t/call.pl PLUGIN METHOD [ARGUMENT…]
#
# An argument is JSON. What the method dies with goes to standard error, and the status is 1.

use strict;
use warnings;

use JSON::PP;

use PVE::Storage;

my ($file, $method, @args) = @ARGV;
require($file);
my $plugin = 'PVE::Storage::Custom::MultipathPlugin';
{
    no warnings 'once';
    $PVE::Storage::Custom::MultipathPlugin::PROGRAM = $ENV{PATHKEEPER};
    # A test cannot make block devices.
    $PVE::Storage::Custom::MultipathPlugin::IS_BLOCK_DEVICE = sub { return 1 };
}
PVE::Storage::take_in($plugin);
PVE::Storage::Plugin->init();
my $json = JSON::PP->new->canonical->allow_nonref;
my @got = eval { $plugin->$method(map { $json->decode($_) } @args) };
if ($@) {
    print STDERR $@;
    exit 1;
}
print $json->encode(\@got), "\n";
