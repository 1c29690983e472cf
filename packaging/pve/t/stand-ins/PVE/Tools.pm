package PVE::Tools;

# Stands for Proxmox VE's module in tests: as much of it as the plugin uses, with the same promises.

use strict;
use warnings;

use Exporter qw(import);
use IO::Select;
use IPC::Open3 qw(open3);
use Symbol qw(gensym);

our @EXPORT_OK = qw(run_command split_list);

sub split_list {
    my ($text) = @_;
    return grep { length } split(/[\s,;\0]+/, $text // '');
}

sub run_command {
    my ($cmd, %param) = @_;
    my %known = map { $_ => 1 } qw(timeout outfunc errfunc errmsg noerr quiet);
    my @odd = grep { !$known{$_} } keys %param;
    die "got unknown parameter '@odd' for run_command\n" if @odd;
    my ($pid, $exit);
    eval {
        local $SIG{ALRM} = sub { die "got timeout\n" };
        my ($out, $err) = (gensym(), gensym());
        $pid = open3(my $in, $out, $err, @$cmd);
        alarm($param{timeout}) if $param{timeout};
        close($in);
        my %to = (fileno($out) => $param{outfunc}, fileno($err) => $param{errfunc});
        my %rest = map { $_ => '' } keys %to;
        my $select = IO::Select->new($out, $err);
        while ($select->count) {
            for my $handle ($select->can_read(1)) {
                my $of = fileno($handle);
                my $count = sysread($handle, my $piece, 4096);
                $rest{$of} .= $piece if $count;
                while ($rest{$of} =~ s/\A([^\n]*)\n//) {
                    $to{$of}->($1) if $to{$of};
                }
                next if $count;
                $to{$of}->($rest{$of}) if $to{$of} && length($rest{$of});
                $select->remove($handle);
            }
        }
        waitpid($pid, 0);
        my $status = $?;
        alarm(0);
        die "got signal " . ($status & 127) . "\n" if $status & 127;
        $exit = $status >> 8;
        die "exit code $exit\n" if $exit;
    };
    my $why = $@;
    alarm(0);
    if ($why && !defined($exit) && $pid) {
        kill('KILL', $pid);
        waitpid($pid, 0);
    }
    die "command '@$cmd' failed: $why" if $why && (!$param{noerr} || $why eq "got timeout\n");
    return $exit // -1;
}

1;
