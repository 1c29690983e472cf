package PVE::JSONSchema;

# Stands for Proxmox VE's module in tests: formats alone.

use strict;
use warnings;

use PVE::Tools;

my %formats;

sub register_format {
    my ($name, $check) = @_;
    die "format '$name' is registered twice\n" if $formats{$name};
    $formats{$name} = $check;
}

# Dies where the value is not of the format; `NAME-list` is a list of such values.
sub check_format {
    my ($name, $value) = @_;
    if (my $check = $formats{$name}) {
        return $check->($value);
    }
    my ($single) = $name =~ m/\A(.+)-list\z/ or die "no format '$name'\n";
    my $check = $formats{$single} or die "no format '$single'\n";
    $check->($_) for PVE::Tools::split_list($value);
}

1;
