# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_pathkeeper_global_optspecs
    string join \n server= ca= token-file= socket= o/output= color= timeout= h/help V/version
end

function __fish_pathkeeper_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_pathkeeper_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_pathkeeper_using_subcommand
    set -l cmd (__fish_pathkeeper_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -s V -l version -d 'Print version'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "agent" -d 'Run this node\'s agent: observe multipathd, tell the cluster, answer the other commands'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "status" -d 'Show the LUN by node matrix of the whole cluster, worst first'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "health" -d 'Say what is wrong, one line for each cause and each finding that no cause explains'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "explain" -d 'Explain anything that is printed: a LUN, a node, NODE/ADAPTER, a port, a fabric, a controller, a storage, a code'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "can" -d 'May I reboot this node, take this adapter, port, controller or fabric down, take this LUN away?'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "history" -d 'Show what changed, when, as this node saw it; the newest last'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "maps" -d 'Show a node\'s maps as multipath -ll does, with the state of each'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "paths" -d 'Show one line per path of a node, and the devices in no map'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "watch" -d 'Print one line for each change, as it happens'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "nodes" -d 'Show how far each node can be believed, and its versions'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "lun" -d 'LUNs one by one: what is expected of each and remembered, what is seen and not watched, and which are allowed'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "volume" -d 'LUNs as volumes of a storage of type multipath: which there are, and where one is on this node'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "mute" -d 'Mute what is known: it stays shown, and does not count in health, alerts and exit status'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "window" -d 'Maintenance windows: what the object of an open one explains stays shown, and does not count'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "names" -d 'Words for ports, and the fabrics and controllers that they belong to, where those are not found out or are wrong'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "config" -d 'One multipath configuration for the cluster: what it says, what is in force here and what sets it, what it would change'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "manage" -d 'Let Pathkeeper manage multipath\'s configuration on this node, or only observe again'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "overrides" -d 'multipath-overrides.conf: multipath\'s own grammar, for hardware'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "alerts" -d 'Alerts that agents have sent, and how this node\'s sinks stand'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "check" -d 'Be a Nagios and Icinga plugin, or a Checkmk local check'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "metrics" -d 'Print what Prometheus gets from /metrics, or keep it in a file for the node_exporter'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "doctor" -d 'Look at this machine: the first command to run'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "support-bundle" -d 'Write a file for whoever is to help: status, findings, history and documents, without secrets'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "token" -d 'Who may come in by this node\'s API: add, list and revoke tokens'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "demo" -d 'A simulated cluster on this machine: real agents, real HTTP, simulated multipathds'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "sim-multipathd" -d 'One simulated machine: a multipathd that speaks the real protocol, and the files of its kernel'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "fold" -d 'Replay the cluster\'s judgement from fold documents'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "completions" -d 'Print a completion script for a shell'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "man" -d 'Print the manual page, or write it and one for each command'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "openapi" -d 'Print the OpenAPI document of this version'
complete -c pathkeeper -n "__fish_pathkeeper_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand agent" -l config -d 'Configuration file; without it /etc/pathkeeper/pathkeeper.toml, which may be absent' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand agent" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand agent" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand agent" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand agent" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand agent" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand agent" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand agent" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand agent" -l leave -d 'Do not run: end this node\'s membership in the cluster, so that it is offline at once. Only when the agent is stopped'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand agent" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand status" -l state -d 'Only rows of these cluster-states' -r -f -a "optimal\t''
degraded\t''
missing\t''
failed\t''
unknown\t''"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand status" -l node -d 'Only rows that have a cell of this node' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand status" -l at -d 'As it was then, from the history of the node that is asked: 02:30 (the last one), 2h (ago), "2026-11-23 02:30", 2026-11-23T02:30:00Z' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand status" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand status" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand status" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand status" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand status" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand status" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand status" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand status" -l all -d 'Show every row, clean ones too, and every finding with all of its evidence'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand status" -l unclean -d 'Only rows that are not optimal on every node (what a table shows anyway; for json)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand status" -s w -l watch -d 'Stay, and repaint when something changes; Ctrl-C ends it'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand health" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand health" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand health" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand health" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand health" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand health" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand health" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand health" -l detail -d 'With what was seen and what to do'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand health" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand explain" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand explain" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand explain" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand explain" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand explain" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand explain" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand explain" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and not __fish_seen_subcommand_from reboot offline remove help" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and not __fish_seen_subcommand_from reboot offline remove help" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and not __fish_seen_subcommand_from reboot offline remove help" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and not __fish_seen_subcommand_from reboot offline remove help" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and not __fish_seen_subcommand_from reboot offline remove help" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and not __fish_seen_subcommand_from reboot offline remove help" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and not __fish_seen_subcommand_from reboot offline remove help" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and not __fish_seen_subcommand_from reboot offline remove help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and not __fish_seen_subcommand_from reboot offline remove help" -f -a "reboot" -d 'Reboot a node'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and not __fish_seen_subcommand_from reboot offline remove help" -f -a "offline" -d 'Take down what paths run over'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and not __fish_seen_subcommand_from reboot offline remove help" -f -a "remove" -d 'Take away for good'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and not __fish_seen_subcommand_from reboot offline remove help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from reboot" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from reboot" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from reboot" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from reboot" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from reboot" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from reboot" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from reboot" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from reboot" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from offline" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from offline" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from offline" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from offline" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from offline" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from offline" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from offline" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from offline" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from offline" -f -a "hba" -d 'An adapter of a node'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from offline" -f -a "port" -d 'A target port'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from offline" -f -a "controller" -d 'A controller of an array'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from offline" -f -a "fabric" -d 'A fabric'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from offline" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from remove" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from remove" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from remove" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from remove" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from remove" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from remove" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from remove" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from remove" -f -a "lun" -d 'A LUN'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from remove" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from help" -f -a "reboot" -d 'Reboot a node'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from help" -f -a "offline" -d 'Take down what paths run over'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Take away for good'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand can; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand history" -l lun -d 'Only of this LUN: alias, map name or WWID, or its beginning' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand history" -l node -d 'Only of this node' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand history" -l code -d 'Only findings of this code' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand history" -l since -d 'Not before this time' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand history" -l until -d 'Not after this time' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand history" -l limit -d 'The newest of them, so many at most' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand history" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand history" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand history" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand history" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand history" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand history" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand history" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand history" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand maps" -l node -d 'Another node\'s maps' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand maps" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand maps" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand maps" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand maps" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand maps" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand maps" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand maps" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand maps" -l plain -d 'Only what multipath -ll would print, for programs that read that'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand maps" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand paths" -l node -d 'Another node\'s paths' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand paths" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand paths" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand paths" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand paths" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand paths" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand paths" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand paths" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand paths" -l down -d 'Only paths that cannot be used'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand paths" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand watch" -l node -d 'Only changes on this node' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand watch" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand watch" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand watch" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand watch" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand watch" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand watch" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand watch" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand nodes; and not __fish_seen_subcommand_from forget help" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand nodes; and not __fish_seen_subcommand_from forget help" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand nodes; and not __fish_seen_subcommand_from forget help" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand nodes; and not __fish_seen_subcommand_from forget help" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand nodes; and not __fish_seen_subcommand_from forget help" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand nodes; and not __fish_seen_subcommand_from forget help" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand nodes; and not __fish_seen_subcommand_from forget help" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand nodes; and not __fish_seen_subcommand_from forget help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand nodes; and not __fish_seen_subcommand_from forget help" -f -a "forget" -d 'Remove a node that is gone for good, with everything it reported; refused while it is online'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand nodes; and not __fish_seen_subcommand_from forget help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand nodes; and __fish_seen_subcommand_from forget" -l config -d 'The agent\'s configuration file, if it is not /etc/pathkeeper/pathkeeper.toml' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand nodes; and __fish_seen_subcommand_from forget" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand nodes; and __fish_seen_subcommand_from forget" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand nodes; and __fish_seen_subcommand_from forget" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand nodes; and __fish_seen_subcommand_from forget" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand nodes; and __fish_seen_subcommand_from forget" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand nodes; and __fish_seen_subcommand_from forget" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand nodes; and __fish_seen_subcommand_from forget" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand nodes; and __fish_seen_subcommand_from forget" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand nodes; and __fish_seen_subcommand_from help" -f -a "forget" -d 'Remove a node that is gone for good, with everything it reported; refused while it is online'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand nodes; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and not __fish_seen_subcommand_from list show discover new add remove set alias resize ack-paths retire forget help" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and not __fish_seen_subcommand_from list show discover new add remove set alias resize ack-paths retire forget help" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and not __fish_seen_subcommand_from list show discover new add remove set alias resize ack-paths retire forget help" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and not __fish_seen_subcommand_from list show discover new add remove set alias resize ack-paths retire forget help" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and not __fish_seen_subcommand_from list show discover new add remove set alias resize ack-paths retire forget help" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and not __fish_seen_subcommand_from list show discover new add remove set alias resize ack-paths retire forget help" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and not __fish_seen_subcommand_from list show discover new add remove set alias resize ack-paths retire forget help" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and not __fish_seen_subcommand_from list show discover new add remove set alias resize ack-paths retire forget help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and not __fish_seen_subcommand_from list show discover new add remove set alias resize ack-paths retire forget help" -f -a "list" -d 'List all LUNs: state, who uses each, why it is expected, and the paths that nodes remember'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and not __fish_seen_subcommand_from list show discover new add remove set alias resize ack-paths retire forget help" -f -a "show" -d 'Show one LUN: why it is expected, what each node has of it and remembers, what people ordered'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and not __fish_seen_subcommand_from list show discover new add remove set alias resize ack-paths retire forget help" -f -a "discover" -d 'List LUNs that nodes see and nobody watches'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and not __fish_seen_subcommand_from list show discover new add remove set alias resize ack-paths retire forget help" -f -a "new" -d 'Guide a new LUN into service: which commands on which node, in which order, and how far each is'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and not __fish_seen_subcommand_from list show discover new add remove set alias resize ack-paths retire forget help" -f -a "add" -d 'Allow a LUN: it gets a map on the nodes that see it, once the configuration is applied'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and not __fish_seen_subcommand_from list show discover new add remove set alias resize ack-paths retire forget help" -f -a "remove" -d 'Take a LUN off the allow-list; refused while it is in use'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and not __fish_seen_subcommand_from list show discover new add remove set alias resize ack-paths retire forget help" -f -a "set" -d 'Change what multipath.cfg says of one LUN'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and not __fish_seen_subcommand_from list show discover new add remove set alias resize ack-paths retire forget help" -f -a "alias" -d 'Give a LUN\'s maps another name, or none: then they bear the WWID'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and not __fish_seen_subcommand_from list show discover new add remove set alias resize ack-paths retire forget help" -f -a "resize" -d 'Guide the use of a LUN that the array made larger, path by path, map by map, then what lies on it'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and not __fish_seen_subcommand_from list show discover new add remove set alias resize ack-paths retire forget help" -f -a "ack-paths" -d 'Accept that paths are gone for good: fewer are expected from now on'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and not __fish_seen_subcommand_from list show discover new add remove set alias resize ack-paths retire forget help" -f -a "retire" -d 'Take a LUN out of service: it is expected nowhere from now on, and missed by nobody'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and not __fish_seen_subcommand_from list show discover new add remove set alias resize ack-paths retire forget help" -f -a "forget" -d 'Erase what all nodes remember of a LUN, and learn it afresh where it is seen'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and not __fish_seen_subcommand_from list show discover new add remove set alias resize ack-paths retire forget help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from list" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from list" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from list" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from list" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from list" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from list" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from list" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from show" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from show" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from show" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from show" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from show" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from show" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from show" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from discover" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from discover" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from discover" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from discover" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from discover" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from discover" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from discover" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from discover" -l how -d 'Only print how nodes come to see a new LUN: the commands to rescan, by transport, for a person to run'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from discover" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from new" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from new" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from new" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from new" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from new" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from new" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from new" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from new" -l watch -d 'Stay, and print the steps again whenever one is further; Ctrl-C ends it'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from new" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from add" -l alias -d 'The name that its maps get; without it they bear the WWID' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from add" -l nodes -d 'Exactly these nodes should carry it' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from add" -l used-by -d 'Who uses it, where no storage says so' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from add" -l expected-paths -d 'So many paths each node should have to it' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from add" -l comment -d 'For people' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from add" -l set -d 'A setting of multipath\'s for this LUN; may be given several times' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from add" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from add" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from add" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from add" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from add" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from add" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from add" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from add" -l adopt -d 'It has a map that was set up by hand, which keeps its name'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from remove" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from remove" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from remove" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from remove" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from remove" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from remove" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from remove" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from remove" -s y -l yes -d 'Do not ask'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from set" -l unset -d 'Take this away; may be given several times' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from set" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from set" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from set" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from set" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from set" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from set" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from set" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from alias" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from alias" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from alias" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from alias" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from alias" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from alias" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from alias" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from alias" -l none -d 'Take the alias away'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from alias" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from resize" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from resize" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from resize" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from resize" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from resize" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from resize" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from resize" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from resize" -l watch -d 'Stay, and print the steps again whenever one is further; Ctrl-C ends it'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from resize" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from ack-paths" -l node -d 'On this node alone' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from ack-paths" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from ack-paths" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from ack-paths" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from ack-paths" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from ack-paths" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from ack-paths" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from ack-paths" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from ack-paths" -l array -d 'Also for every other LUN of the same array that has fewer paths than are remembered'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from ack-paths" -s y -l yes -d 'Do not ask for confirmation'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from ack-paths" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from retire" -l node -d 'On this node alone' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from retire" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from retire" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from retire" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from retire" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from retire" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from retire" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from retire" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from retire" -l force -d 'Although it is in use: an outage of it will be shown nowhere'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from retire" -l guide -d 'Order nothing: show every step of taking it out of service, with commands for each node, and how far each is'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from retire" -l watch -d 'With --guide: stay, and print the steps again whenever one is further'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from retire" -s y -l yes -d 'Do not ask for confirmation'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from retire" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from forget" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from forget" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from forget" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from forget" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from forget" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from forget" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from forget" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from forget" -s y -l yes -d 'Do not ask for confirmation'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from forget" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from help" -f -a "list" -d 'List all LUNs: state, who uses each, why it is expected, and the paths that nodes remember'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show one LUN: why it is expected, what each node has of it and remembers, what people ordered'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from help" -f -a "discover" -d 'List LUNs that nodes see and nobody watches'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from help" -f -a "new" -d 'Guide a new LUN into service: which commands on which node, in which order, and how far each is'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from help" -f -a "add" -d 'Allow a LUN: it gets a map on the nodes that see it, once the configuration is applied'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Take a LUN off the allow-list; refused while it is in use'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from help" -f -a "set" -d 'Change what multipath.cfg says of one LUN'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from help" -f -a "alias" -d 'Give a LUN\'s maps another name, or none: then they bear the WWID'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from help" -f -a "resize" -d 'Guide the use of a LUN that the array made larger, path by path, map by map, then what lies on it'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from help" -f -a "ack-paths" -d 'Accept that paths are gone for good: fewer are expected from now on'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from help" -f -a "retire" -d 'Take a LUN out of service: it is expected nowhere from now on, and missed by nobody'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from help" -f -a "forget" -d 'Erase what all nodes remember of a LUN, and learn it afresh where it is seen'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand lun; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and not __fish_seen_subcommand_from list path help" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and not __fish_seen_subcommand_from list path help" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and not __fish_seen_subcommand_from list path help" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and not __fish_seen_subcommand_from list path help" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and not __fish_seen_subcommand_from list path help" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and not __fish_seen_subcommand_from list path help" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and not __fish_seen_subcommand_from list path help" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and not __fish_seen_subcommand_from list path help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and not __fish_seen_subcommand_from list path help" -f -a "list" -d 'List a storage\'s volumes as they are on a node, and why some cannot be handed out there'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and not __fish_seen_subcommand_from list path help" -f -a "path" -d 'Print where a volume is on this node, if this node can hand it out'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and not __fish_seen_subcommand_from list path help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and __fish_seen_subcommand_from list" -l node -d 'As they are on this node, by what it published; without it, on the node that answers' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and __fish_seen_subcommand_from list" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and __fish_seen_subcommand_from list" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and __fish_seen_subcommand_from list" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and __fish_seen_subcommand_from list" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and __fish_seen_subcommand_from list" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and __fish_seen_subcommand_from list" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and __fish_seen_subcommand_from list" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and __fish_seen_subcommand_from path" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and __fish_seen_subcommand_from path" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and __fish_seen_subcommand_from path" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and __fish_seen_subcommand_from path" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and __fish_seen_subcommand_from path" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and __fish_seen_subcommand_from path" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and __fish_seen_subcommand_from path" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and __fish_seen_subcommand_from path" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and __fish_seen_subcommand_from help" -f -a "list" -d 'List a storage\'s volumes as they are on a node, and why some cannot be handed out there'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and __fish_seen_subcommand_from help" -f -a "path" -d 'Print where a volume is on this node, if this node can hand it out'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand volume; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and not __fish_seen_subcommand_from add list remove help" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and not __fish_seen_subcommand_from add list remove help" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and not __fish_seen_subcommand_from add list remove help" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and not __fish_seen_subcommand_from add list remove help" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and not __fish_seen_subcommand_from add list remove help" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and not __fish_seen_subcommand_from add list remove help" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and not __fish_seen_subcommand_from add list remove help" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and not __fish_seen_subcommand_from add list remove help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and not __fish_seen_subcommand_from add list remove help" -f -a "add" -d 'Mute findings of a code, as far as they are of this node, LUN and object'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and not __fish_seen_subcommand_from add list remove help" -f -a "list" -d 'Show all mutes, those too that have ended within a week'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and not __fish_seen_subcommand_from add list remove help" -f -a "remove" -d 'Take a mute away'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and not __fish_seen_subcommand_from add list remove help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from add" -l node -d 'On this node alone' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from add" -l lun -d 'Of this LUN alone: alias, map name or WWID, or its beginning' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from add" -l object -d 'Of this object alone: an adapter, a port, a fabric, a path\'s device' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from add" -l for -d 'For so long: 90m, 4h, 2d' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from add" -l until -d 'Until then: 06:00 (the next one), 2026-11-23, "2026-11-23 06:00"' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from add" -l severity -d 'Up to this severity; needed where nothing of the code stands there now' -r -f -a "info\t''
warning\t''
error\t''"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from add" -l reason -d 'Why; others will read it' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from add" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from add" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from add" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from add" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from add" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from add" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from add" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from add" -l until-cleared -d 'Until what stands now has cleared'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from list" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from list" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from list" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from list" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from list" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from list" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from list" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from remove" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from remove" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from remove" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from remove" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from remove" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from remove" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from remove" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from help" -f -a "add" -d 'Mute findings of a code, as far as they are of this node, LUN and object'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from help" -f -a "list" -d 'Show all mutes, those too that have ended within a week'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Take a mute away'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand mute; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and not __fish_seen_subcommand_from add list end remove help" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and not __fish_seen_subcommand_from add list end remove help" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and not __fish_seen_subcommand_from add list end remove help" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and not __fish_seen_subcommand_from add list end remove help" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and not __fish_seen_subcommand_from add list end remove help" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and not __fish_seen_subcommand_from add list end remove help" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and not __fish_seen_subcommand_from add list end remove help" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and not __fish_seen_subcommand_from add list end remove help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and not __fish_seen_subcommand_from add list end remove help" -f -a "add" -d 'Open a window, now or later; a week at most'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and not __fish_seen_subcommand_from add list end remove help" -f -a "list" -d 'Show all windows, those too that ended within 30 days'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and not __fish_seen_subcommand_from add list end remove help" -f -a "end" -d 'End a window now: what is still away counts again'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and not __fish_seen_subcommand_from add list end remove help" -f -a "remove" -d 'Take a window away, as if it had never been'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and not __fish_seen_subcommand_from add list end remove help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from add" -l node -d 'Work on a node: it may be offline, reboot, and lose its paths' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from add" -l array -d 'Work on an array, by the name that status gives it' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from add" -l controller -d 'Work on a controller of an array' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from add" -l port -d 'Work on a target port: WWN, IQN or address:port' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from add" -l fabric -d 'Work on a whole fabric' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from add" -l lun -d 'Work on a LUN: alias, map name or WWID, or its beginning' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from add" -l for -d 'For so long: 90m, 4h, 2d' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from add" -l until -d 'Until then: 06:00 (the next one), "2026-11-23 06:00"' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from add" -l from -d 'From then on, not from now: 22:00 (the next one), "2026-11-23 22:00"' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from add" -l reason -d 'Why; others will read it' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from add" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from add" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from add" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from add" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from add" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from add" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from add" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from list" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from list" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from list" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from list" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from list" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from list" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from list" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from end" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from end" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from end" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from end" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from end" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from end" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from end" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from end" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from remove" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from remove" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from remove" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from remove" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from remove" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from remove" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from remove" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from help" -f -a "add" -d 'Open a window, now or later; a week at most'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from help" -f -a "list" -d 'Show all windows, those too that ended within 30 days'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from help" -f -a "end" -d 'End a window now: what is still away counts again'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Take a window away, as if it had never been'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand window; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and not __fish_seen_subcommand_from list set unset import help" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and not __fish_seen_subcommand_from list set unset import help" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and not __fish_seen_subcommand_from list set unset import help" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and not __fish_seen_subcommand_from list set unset import help" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and not __fish_seen_subcommand_from list set unset import help" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and not __fish_seen_subcommand_from list set unset import help" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and not __fish_seen_subcommand_from list set unset import help" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and not __fish_seen_subcommand_from list set unset import help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and not __fish_seen_subcommand_from list set unset import help" -f -a "list" -d 'Show all words for ports'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and not __fish_seen_subcommand_from list set unset import help" -f -a "set" -d 'Say something of a port; what is not given stays as it is'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and not __fish_seen_subcommand_from list set unset import help" -f -a "unset" -d 'Say nothing of ports any more'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and not __fish_seen_subcommand_from list set unset import help" -f -a "import" -d 'Take words from a file: CSV of PORT,NAME,FABRIC,CONTROLLER, or what names list -o json prints'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and not __fish_seen_subcommand_from list set unset import help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from list" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from list" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from list" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from list" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from list" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from list" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from list" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from set" -l name -d 'What people call it; \'\' = nothing' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from set" -l fabric -d 'Its fabric; \'\' = found out by itself' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from set" -l controller -d 'Of a target port, its controller; \'\' = found out by itself' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from set" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from set" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from set" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from set" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from set" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from set" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from set" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from unset" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from unset" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from unset" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from unset" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from unset" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from unset" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from unset" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from unset" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from import" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from import" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from import" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from import" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from import" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from import" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from import" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from help" -f -a "list" -d 'Show all words for ports'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from help" -f -a "set" -d 'Say something of a port; what is not given stays as it is'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from help" -f -a "unset" -d 'Say nothing of ports any more'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from help" -f -a "import" -d 'Take words from a file: CSV of PORT,NAME,FABRIC,CONTROLLER, or what names list -o json prints'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand names; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and not __fish_seen_subcommand_from show get keys diff plan set unset edit apply rollout teardown release history adopt help" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and not __fish_seen_subcommand_from show get keys diff plan set unset edit apply rollout teardown release history adopt help" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and not __fish_seen_subcommand_from show get keys diff plan set unset edit apply rollout teardown release history adopt help" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and not __fish_seen_subcommand_from show get keys diff plan set unset edit apply rollout teardown release history adopt help" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and not __fish_seen_subcommand_from show get keys diff plan set unset edit apply rollout teardown release history adopt help" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and not __fish_seen_subcommand_from show get keys diff plan set unset edit apply rollout teardown release history adopt help" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and not __fish_seen_subcommand_from show get keys diff plan set unset edit apply rollout teardown release history adopt help" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and not __fish_seen_subcommand_from show get keys diff plan set unset edit apply rollout teardown release history adopt help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and not __fish_seen_subcommand_from show get keys diff plan set unset edit apply rollout teardown release history adopt help" -f -a "show" -d 'Show the documents\' settings and LUNs, and what is in force on the answering node; -o wide: built-in values too'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and not __fish_seen_subcommand_from show get keys diff plan set unset edit apply rollout teardown release history adopt help" -f -a "get" -d 'Show one setting: what is said, what is in force and what sets it, of every LUN'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and not __fish_seen_subcommand_from show get keys diff plan set unset edit apply rollout teardown release history adopt help" -f -a "keys" -d 'List multipath\'s settings, or these: what each does, what it may be, and what holds where nobody sets it'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and not __fish_seen_subcommand_from show get keys diff plan set unset edit apply rollout teardown release history adopt help" -f -a "diff" -d 'Compare the store\'s document with a file, which is judged too'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and not __fish_seen_subcommand_from show get keys diff plan set unset edit apply rollout teardown release history adopt help" -f -a "plan" -d 'Show what the store\'s documents, or these files, would change on each node'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and not __fish_seen_subcommand_from show get keys diff plan set unset edit apply rollout teardown release history adopt help" -f -a "set" -d 'Set one setting, for all LUNs or for one; pending until it is applied'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and not __fish_seen_subcommand_from show get keys diff plan set unset edit apply rollout teardown release history adopt help" -f -a "unset" -d 'Take settings away, of all LUNs or of one; pending until it is applied'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and not __fish_seen_subcommand_from show get keys diff plan set unset edit apply rollout teardown release history adopt help" -f -a "edit" -d 'Open $VISUAL or $EDITOR on a copy of multipath.cfg, judge it, show the plan, ask, and write it'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and not __fish_seen_subcommand_from show get keys diff plan set unset edit apply rollout teardown release history adopt help" -f -a "apply" -d 'Bring the pending documents to the nodes: shows the plan, asks, and starts a rollout of what was shown'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and not __fish_seen_subcommand_from show get keys diff plan set unset edit apply rollout teardown release history adopt help" -f -a "rollout" -d 'How far each node is with the newest rollout, and what is wanted of it'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and not __fish_seen_subcommand_from show get keys diff plan set unset edit apply rollout teardown release history adopt help" -f -a "teardown" -d 'Write the document that takes the configuration down; pending until it is applied, and refused while a LUN is in use'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and not __fish_seen_subcommand_from show get keys diff plan set unset edit apply rollout teardown release history adopt help" -f -a "release" -d 'Give this node up: the same settings stay, as plain files of yours, and Pathkeeper only observes here'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and not __fish_seen_subcommand_from show get keys diff plan set unset edit apply rollout teardown release history adopt help" -f -a "history" -d 'Show when the answering node saw the documents and the rollout change, and the newest generation'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and not __fish_seen_subcommand_from show get keys diff plan set unset edit apply rollout teardown release history adopt help" -f -a "adopt" -d 'Print a document under which every map keeps its name; what has to be asked goes to standard error'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and not __fish_seen_subcommand_from show get keys diff plan set unset edit apply rollout teardown release history adopt help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from show" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from show" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from show" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from show" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from show" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from show" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from show" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from get" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from get" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from get" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from get" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from get" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from get" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from get" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from get" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from keys" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from keys" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from keys" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from keys" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from keys" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from keys" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from keys" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from keys" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from diff" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from diff" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from diff" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from diff" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from diff" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from diff" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from diff" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from diff" -l overrides -d 'It is a multipath-overrides.conf'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from plan" -l config -d 'A multipath.cfg in place of the store\'s' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from plan" -l overrides -d 'A multipath-overrides.conf in place of the store\'s' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from plan" -l adopt -d 'As it would be if these LUNs were taken over that were set up by hand: config apply --adopt' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from plan" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from plan" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from plan" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from plan" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from plan" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from plan" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from plan" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from plan" -l rename-in-use -d 'As it would be if maps in use might get another name: config apply --rename-in-use'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from plan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from set" -l lun -d 'For this LUN: alias, map name or WWID, or its beginning' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from set" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from set" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from set" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from set" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from set" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from set" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from set" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from unset" -l lun -d 'Of this LUN' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from unset" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from unset" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from unset" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from unset" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from unset" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from unset" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from unset" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from unset" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from edit" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from edit" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from edit" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from edit" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from edit" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from edit" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from edit" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from edit" -s y -l yes -d 'Write what the editor leaves without asking'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from edit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from apply" -l digest -d 'Of the multipath.cfg that you looked at; without it the plan is shown, and what it is of is applied' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from apply" -l overrides-digest -d 'Of the multipath-overrides.conf that you looked at' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from apply" -l allow-removal -d 'So many LUNs are taken out, and that is meant' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from apply" -l adopt -d 'Take over LUNs that were set up by hand: all (their maps keep their names), or these, as the document names them' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from apply" -l canary -d 'This node goes first' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from apply" -l node -d 'On this node alone' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from apply" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from apply" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from apply" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from apply" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from apply" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from apply" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from apply" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from apply" -l rename-in-use -d 'Maps that are in use may get another name'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from apply" -s y -l yes -d 'Do not ask'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from apply" -l wait -d 'Stay until it is over, or stuck'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from apply" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from rollout" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from rollout" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from rollout" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from rollout" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from rollout" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from rollout" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from rollout" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from rollout" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from rollout" -f -a "show" -d 'Show each node\'s state and why'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from rollout" -f -a "pause" -d 'Nobody begins any more; who is at work ends it'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from rollout" -f -a "resume" -d 'It goes on; nodes where it went wrong, or that were not heard of again, are taken for looked at'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from rollout" -f -a "abort" -d 'What was before comes back as a generation of its own; where nothing was, it only ends'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from rollout" -f -a "force" -d 'These nodes go on although paths are failed there'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from rollout" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from teardown" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from teardown" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from teardown" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from teardown" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from teardown" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from teardown" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from teardown" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from teardown" -s y -l yes -d 'Do not ask'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from teardown" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from release" -l config -d 'The agent\'s configuration file, if it is not /etc/pathkeeper/pathkeeper.toml' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from release" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from release" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from release" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from release" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from release" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from release" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from release" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from release" -s y -l yes -d 'Do not ask'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from release" -l no-restart -d 'Leave the agent alone: print the commands that make the change count'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from release" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from history" -l limit -d 'Of the newest changes of all documents, so many are looked at' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from history" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from history" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from history" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from history" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from history" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from history" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from history" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from history" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from adopt" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from adopt" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from adopt" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from adopt" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from adopt" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from adopt" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from adopt" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from adopt" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show the documents\' settings and LUNs, and what is in force on the answering node; -o wide: built-in values too'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "get" -d 'Show one setting: what is said, what is in force and what sets it, of every LUN'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "keys" -d 'List multipath\'s settings, or these: what each does, what it may be, and what holds where nobody sets it'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "diff" -d 'Compare the store\'s document with a file, which is judged too'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "plan" -d 'Show what the store\'s documents, or these files, would change on each node'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "set" -d 'Set one setting, for all LUNs or for one; pending until it is applied'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "unset" -d 'Take settings away, of all LUNs or of one; pending until it is applied'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "edit" -d 'Open $VISUAL or $EDITOR on a copy of multipath.cfg, judge it, show the plan, ask, and write it'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "apply" -d 'Bring the pending documents to the nodes: shows the plan, asks, and starts a rollout of what was shown'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "rollout" -d 'How far each node is with the newest rollout, and what is wanted of it'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "teardown" -d 'Write the document that takes the configuration down; pending until it is applied, and refused while a LUN is in use'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "release" -d 'Give this node up: the same settings stay, as plain files of yours, and Pathkeeper only observes here'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "history" -d 'Show when the answering node saw the documents and the rollout change, and the newest generation'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "adopt" -d 'Print a document under which every map keeps its name; what has to be asked goes to standard error'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and not __fish_seen_subcommand_from enable disable status help" -l config -d 'The agent\'s configuration file, if it is not /etc/pathkeeper/pathkeeper.toml' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and not __fish_seen_subcommand_from enable disable status help" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and not __fish_seen_subcommand_from enable disable status help" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and not __fish_seen_subcommand_from enable disable status help" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and not __fish_seen_subcommand_from enable disable status help" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and not __fish_seen_subcommand_from enable disable status help" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and not __fish_seen_subcommand_from enable disable status help" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and not __fish_seen_subcommand_from enable disable status help" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and not __fish_seen_subcommand_from enable disable status help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and not __fish_seen_subcommand_from enable disable status help" -f -a "enable" -d 'Manage this node: show what will be Pathkeeper\'s own, ask, and restart the agent'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and not __fish_seen_subcommand_from enable disable status help" -f -a "disable" -d 'Observe again: files, maps and the configuration in force stay as they are'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and not __fish_seen_subcommand_from enable disable status help" -f -a "status" -d 'Show whether this node is managed, why, and which files here are Pathkeeper\'s'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and not __fish_seen_subcommand_from enable disable status help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from enable" -l config -d 'The agent\'s configuration file, if it is not /etc/pathkeeper/pathkeeper.toml' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from enable" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from enable" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from enable" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from enable" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from enable" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from enable" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from enable" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from enable" -l yes -d 'Do not ask'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from enable" -l no-restart -d 'Leave the agent alone: print the commands that make the change count'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from enable" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from disable" -l config -d 'The agent\'s configuration file, if it is not /etc/pathkeeper/pathkeeper.toml' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from disable" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from disable" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from disable" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from disable" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from disable" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from disable" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from disable" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from disable" -l no-restart -d 'Leave the agent alone: print the commands that make the change count'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from disable" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from status" -l config -d 'The agent\'s configuration file, if it is not /etc/pathkeeper/pathkeeper.toml' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from status" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from status" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from status" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from status" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from status" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from status" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from status" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from help" -f -a "enable" -d 'Manage this node: show what will be Pathkeeper\'s own, ask, and restart the agent'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from help" -f -a "disable" -d 'Observe again: files, maps and the configuration in force stay as they are'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from help" -f -a "status" -d 'Show whether this node is managed, why, and which files here are Pathkeeper\'s'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand manage; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and not __fish_seen_subcommand_from show edit help" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and not __fish_seen_subcommand_from show edit help" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and not __fish_seen_subcommand_from show edit help" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and not __fish_seen_subcommand_from show edit help" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and not __fish_seen_subcommand_from show edit help" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and not __fish_seen_subcommand_from show edit help" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and not __fish_seen_subcommand_from show edit help" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and not __fish_seen_subcommand_from show edit help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and not __fish_seen_subcommand_from show edit help" -f -a "show" -d 'Print it; its state goes to standard error'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and not __fish_seen_subcommand_from show edit help" -f -a "edit" -d 'Open $VISUAL or $EDITOR on a copy, judge it, show the plan, ask, and write it'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and not __fish_seen_subcommand_from show edit help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and __fish_seen_subcommand_from show" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and __fish_seen_subcommand_from show" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and __fish_seen_subcommand_from show" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and __fish_seen_subcommand_from show" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and __fish_seen_subcommand_from show" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and __fish_seen_subcommand_from show" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and __fish_seen_subcommand_from show" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and __fish_seen_subcommand_from edit" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and __fish_seen_subcommand_from edit" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and __fish_seen_subcommand_from edit" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and __fish_seen_subcommand_from edit" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and __fish_seen_subcommand_from edit" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and __fish_seen_subcommand_from edit" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and __fish_seen_subcommand_from edit" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and __fish_seen_subcommand_from edit" -s y -l yes -d 'Write what the editor leaves without asking'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and __fish_seen_subcommand_from edit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and __fish_seen_subcommand_from help" -f -a "show" -d 'Print it; its state goes to standard error'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and __fish_seen_subcommand_from help" -f -a "edit" -d 'Open $VISUAL or $EDITOR on a copy, judge it, show the plan, ask, and write it'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand overrides; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand alerts; and not __fish_seen_subcommand_from test help" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand alerts; and not __fish_seen_subcommand_from test help" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand alerts; and not __fish_seen_subcommand_from test help" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand alerts; and not __fish_seen_subcommand_from test help" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand alerts; and not __fish_seen_subcommand_from test help" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand alerts; and not __fish_seen_subcommand_from test help" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand alerts; and not __fish_seen_subcommand_from test help" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand alerts; and not __fish_seen_subcommand_from test help" -l all -d 'Also what was resolved in the last 24 hours'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand alerts; and not __fish_seen_subcommand_from test help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand alerts; and not __fish_seen_subcommand_from test help" -f -a "test" -d 'Send a test message now, and say what each sink answers'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand alerts; and not __fish_seen_subcommand_from test help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand alerts; and __fish_seen_subcommand_from test" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand alerts; and __fish_seen_subcommand_from test" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand alerts; and __fish_seen_subcommand_from test" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand alerts; and __fish_seen_subcommand_from test" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand alerts; and __fish_seen_subcommand_from test" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand alerts; and __fish_seen_subcommand_from test" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand alerts; and __fish_seen_subcommand_from test" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand alerts; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand alerts; and __fish_seen_subcommand_from help" -f -a "test" -d 'Send a test message now, and say what each sink answers'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand alerts; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand check" -l node -d 'One node: its LUNs, its multipathd, its report; without NAME the one that answers' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand check" -l lun -d 'One LUN on all of its nodes' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand check" -l piggyback -d 'With --checkmk: the host that the cluster\'s line is for; without it the cluster\'s name' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand check" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand check" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand check" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand check" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand check" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand check" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand check" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand check" -l cluster -d 'The whole cluster (the default)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand check" -l checkmk -d 'Print Checkmk local checks: of this node, and of the cluster as piggyback of a host of its own'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand metrics" -l textfile -d 'Write this file instead, whose name should end in .prom' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand metrics" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand metrics" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand metrics" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand metrics" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand metrics" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand metrics" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand metrics" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand metrics" -l cluster -d 'The whole cluster, as the node that answers sees it, instead of that node alone'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand metrics" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand doctor" -l config -d 'The agent\'s configuration file, if it is not /etc/pathkeeper/pathkeeper.toml' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand doctor" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand doctor" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand doctor" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand doctor" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand doctor" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand doctor" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand doctor" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand support-bundle" -s f -l file -d 'Where to write it; it must not be there yet. Without it pathkeeper-NODE-TIME.tar.gz in this folder' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand support-bundle" -l days -d 'History of so many days' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand support-bundle" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand support-bundle" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand support-bundle" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand support-bundle" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand support-bundle" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand support-bundle" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand support-bundle" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand support-bundle" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and not __fish_seen_subcommand_from add list revoke help" -l config -d 'The agent\'s configuration file, if it is not /etc/pathkeeper/pathkeeper.toml' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and not __fish_seen_subcommand_from add list revoke help" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and not __fish_seen_subcommand_from add list revoke help" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and not __fish_seen_subcommand_from add list revoke help" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and not __fish_seen_subcommand_from add list revoke help" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and not __fish_seen_subcommand_from add list revoke help" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and not __fish_seen_subcommand_from add list revoke help" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and not __fish_seen_subcommand_from add list revoke help" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and not __fish_seen_subcommand_from add list revoke help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and not __fish_seen_subcommand_from add list revoke help" -f -a "add" -d 'Add a token and print its secret, this once'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and not __fish_seen_subcommand_from add list revoke help" -f -a "list" -d 'Show all tokens; their secrets are not known'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and not __fish_seen_subcommand_from add list revoke help" -f -a "revoke" -d 'Take a token away'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and not __fish_seen_subcommand_from add list revoke help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from add" -l privilege -d 'What it may do' -r -f -a "audit\t'Look (Proxmox VE\'s Sys.Audit)'
modify\t'Look and change (Sys.Modify)'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from add" -l until -d 'The last day on which it counts (2027-12-31, local), or the moment it ends (2027-12-31T18:00:00Z)' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from add" -l comment -d 'What it is for' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from add" -l config -d 'The agent\'s configuration file, if it is not /etc/pathkeeper/pathkeeper.toml' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from add" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from add" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from add" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from add" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from add" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from add" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from add" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from list" -l config -d 'The agent\'s configuration file, if it is not /etc/pathkeeper/pathkeeper.toml' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from list" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from list" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from list" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from list" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from list" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from list" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from list" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from revoke" -l config -d 'The agent\'s configuration file, if it is not /etc/pathkeeper/pathkeeper.toml' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from revoke" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from revoke" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from revoke" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from revoke" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from revoke" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from revoke" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from revoke" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from help" -f -a "add" -d 'Add a token and print its secret, this once'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from help" -f -a "list" -d 'Show all tokens; their secrets are not known'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from help" -f -a "revoke" -d 'Take a token away'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand token; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand demo" -l nodes -d 'Nodes, named pve1, pve2, …' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand demo" -l luns -d 'LUNs of the array' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand demo" -l paths -d 'Paths from each node to each LUN' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand demo" -l seed -d 'Names, WWIDs and sizes depend on this number alone' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand demo" -l script -d 'Play this instead of the built-in story' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand demo" -l port -d 'Port of the first node; the others take the next ones. 0 takes free ones' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand demo" -l multipath-tools -d 'Which multipath-tools is simulated: 0.9.4, 0.11.1 or 0.14.3' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand demo" -l speed -d 'So many times as fast' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand demo" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand demo" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand demo" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand demo" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand demo" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand demo" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand demo" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand demo" -l print-script -d 'Print the script that would be played, and end'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand demo" -l once -d 'Do all that the script says (without one: faults of every kind) at once, wait until the cluster knows each path (half a minute), print the status, and end'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand sim-multipathd" -l root -d 'The directory that stands for / on the machine; made where it is absent' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand sim-multipathd" -l multipathd-socket -d 'multipathd\'s socket: a path, or @name for an abstract one; DIR/run/multipathd.socket if not given' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand sim-multipathd" -l maps -d 'Maps' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand sim-multipathd" -l paths -d 'Paths in each map' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand sim-multipathd" -l multipath-tools -d 'Which multipath-tools it is: 0.9.4, 0.11.1 or 0.14.3' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand sim-multipathd" -l seed -d 'Names, WWIDs and sizes depend on this number alone' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand sim-multipathd" -l nodes -d 'Nodes of the SAN that it is one of; all of them see the same LUNs' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand sim-multipathd" -l node -d 'Which of them it is: 1 is pve1' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand sim-multipathd" -l script -d 'What happens; played once. -: steps are read from standard input, and happen as they come' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand sim-multipathd" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand sim-multipathd" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand sim-multipathd" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand sim-multipathd" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand sim-multipathd" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand sim-multipathd" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand sim-multipathd" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand sim-multipathd" -l obey -d 'Read DIR/etc/multipath when told to reconfigure, as the real one does, and take names and maps from there'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand sim-multipathd" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand fold" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand fold" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand fold" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand fold" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand fold" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand fold" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand fold" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand fold" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand completions" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand completions" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand completions" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand completions" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand completions" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand completions" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand completions" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand man" -l out -d 'Write pathkeeper.1 and pathkeeper-COMMAND.1 into this directory' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand man" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand man" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand man" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand man" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand man" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand man" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand man" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand openapi" -l server -d 'Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand openapi" -l ca -d 'With https://: the authority of the server\'s certificate, PEM (a node\'s own: /var/lib/pathkeeper/tls/ca.pem there); without it, those that this machine trusts' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand openapi" -l token-file -d 'File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for --server alone: the socket asks who you are' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand openapi" -l socket -d 'The local agent\'s socket' -r -F
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand openapi" -s o -l output -d 'How answers are printed; json has a schema version and times in UTC' -r -f -a "table\t'For people'
json\t'For programs'
wide\t'For people with room: full WWIDs, sizes, transports'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand openapi" -l color -d 'Colour, which never says what words do not; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand openapi" -l timeout -d 'Seconds to wait for an answer' -r
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand openapi" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "agent" -d 'Run this node\'s agent: observe multipathd, tell the cluster, answer the other commands'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "status" -d 'Show the LUN by node matrix of the whole cluster, worst first'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "health" -d 'Say what is wrong, one line for each cause and each finding that no cause explains'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "explain" -d 'Explain anything that is printed: a LUN, a node, NODE/ADAPTER, a port, a fabric, a controller, a storage, a code'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "can" -d 'May I reboot this node, take this adapter, port, controller or fabric down, take this LUN away?'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "history" -d 'Show what changed, when, as this node saw it; the newest last'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "maps" -d 'Show a node\'s maps as multipath -ll does, with the state of each'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "paths" -d 'Show one line per path of a node, and the devices in no map'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "watch" -d 'Print one line for each change, as it happens'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "nodes" -d 'Show how far each node can be believed, and its versions'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "lun" -d 'LUNs one by one: what is expected of each and remembered, what is seen and not watched, and which are allowed'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "volume" -d 'LUNs as volumes of a storage of type multipath: which there are, and where one is on this node'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "mute" -d 'Mute what is known: it stays shown, and does not count in health, alerts and exit status'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "window" -d 'Maintenance windows: what the object of an open one explains stays shown, and does not count'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "names" -d 'Words for ports, and the fabrics and controllers that they belong to, where those are not found out or are wrong'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "config" -d 'One multipath configuration for the cluster: what it says, what is in force here and what sets it, what it would change'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "manage" -d 'Let Pathkeeper manage multipath\'s configuration on this node, or only observe again'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "overrides" -d 'multipath-overrides.conf: multipath\'s own grammar, for hardware'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "alerts" -d 'Alerts that agents have sent, and how this node\'s sinks stand'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "check" -d 'Be a Nagios and Icinga plugin, or a Checkmk local check'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "metrics" -d 'Print what Prometheus gets from /metrics, or keep it in a file for the node_exporter'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "doctor" -d 'Look at this machine: the first command to run'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "support-bundle" -d 'Write a file for whoever is to help: status, findings, history and documents, without secrets'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "token" -d 'Who may come in by this node\'s API: add, list and revoke tokens'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "demo" -d 'A simulated cluster on this machine: real agents, real HTTP, simulated multipathds'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "sim-multipathd" -d 'One simulated machine: a multipathd that speaks the real protocol, and the files of its kernel'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "fold" -d 'Replay the cluster\'s judgement from fold documents'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "completions" -d 'Print a completion script for a shell'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "man" -d 'Print the manual page, or write it and one for each command'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "openapi" -d 'Print the OpenAPI document of this version'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and not __fish_seen_subcommand_from agent status health explain can history maps paths watch nodes lun volume mute window names config manage overrides alerts check metrics doctor support-bundle token demo sim-multipathd fold completions man openapi help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from can" -f -a "reboot" -d 'Reboot a node'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from can" -f -a "offline" -d 'Take down what paths run over'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from can" -f -a "remove" -d 'Take away for good'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from nodes" -f -a "forget" -d 'Remove a node that is gone for good, with everything it reported; refused while it is online'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from lun" -f -a "list" -d 'List all LUNs: state, who uses each, why it is expected, and the paths that nodes remember'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from lun" -f -a "show" -d 'Show one LUN: why it is expected, what each node has of it and remembers, what people ordered'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from lun" -f -a "discover" -d 'List LUNs that nodes see and nobody watches'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from lun" -f -a "new" -d 'Guide a new LUN into service: which commands on which node, in which order, and how far each is'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from lun" -f -a "add" -d 'Allow a LUN: it gets a map on the nodes that see it, once the configuration is applied'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from lun" -f -a "remove" -d 'Take a LUN off the allow-list; refused while it is in use'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from lun" -f -a "set" -d 'Change what multipath.cfg says of one LUN'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from lun" -f -a "alias" -d 'Give a LUN\'s maps another name, or none: then they bear the WWID'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from lun" -f -a "resize" -d 'Guide the use of a LUN that the array made larger, path by path, map by map, then what lies on it'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from lun" -f -a "ack-paths" -d 'Accept that paths are gone for good: fewer are expected from now on'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from lun" -f -a "retire" -d 'Take a LUN out of service: it is expected nowhere from now on, and missed by nobody'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from lun" -f -a "forget" -d 'Erase what all nodes remember of a LUN, and learn it afresh where it is seen'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from volume" -f -a "list" -d 'List a storage\'s volumes as they are on a node, and why some cannot be handed out there'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from volume" -f -a "path" -d 'Print where a volume is on this node, if this node can hand it out'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from mute" -f -a "add" -d 'Mute findings of a code, as far as they are of this node, LUN and object'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from mute" -f -a "list" -d 'Show all mutes, those too that have ended within a week'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from mute" -f -a "remove" -d 'Take a mute away'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from window" -f -a "add" -d 'Open a window, now or later; a week at most'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from window" -f -a "list" -d 'Show all windows, those too that ended within 30 days'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from window" -f -a "end" -d 'End a window now: what is still away counts again'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from window" -f -a "remove" -d 'Take a window away, as if it had never been'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from names" -f -a "list" -d 'Show all words for ports'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from names" -f -a "set" -d 'Say something of a port; what is not given stays as it is'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from names" -f -a "unset" -d 'Say nothing of ports any more'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from names" -f -a "import" -d 'Take words from a file: CSV of PORT,NAME,FABRIC,CONTROLLER, or what names list -o json prints'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "show" -d 'Show the documents\' settings and LUNs, and what is in force on the answering node; -o wide: built-in values too'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "get" -d 'Show one setting: what is said, what is in force and what sets it, of every LUN'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "keys" -d 'List multipath\'s settings, or these: what each does, what it may be, and what holds where nobody sets it'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "diff" -d 'Compare the store\'s document with a file, which is judged too'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "plan" -d 'Show what the store\'s documents, or these files, would change on each node'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "set" -d 'Set one setting, for all LUNs or for one; pending until it is applied'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "unset" -d 'Take settings away, of all LUNs or of one; pending until it is applied'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "edit" -d 'Open $VISUAL or $EDITOR on a copy of multipath.cfg, judge it, show the plan, ask, and write it'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "apply" -d 'Bring the pending documents to the nodes: shows the plan, asks, and starts a rollout of what was shown'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "rollout" -d 'How far each node is with the newest rollout, and what is wanted of it'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "teardown" -d 'Write the document that takes the configuration down; pending until it is applied, and refused while a LUN is in use'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "release" -d 'Give this node up: the same settings stay, as plain files of yours, and Pathkeeper only observes here'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "history" -d 'Show when the answering node saw the documents and the rollout change, and the newest generation'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "adopt" -d 'Print a document under which every map keeps its name; what has to be asked goes to standard error'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from manage" -f -a "enable" -d 'Manage this node: show what will be Pathkeeper\'s own, ask, and restart the agent'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from manage" -f -a "disable" -d 'Observe again: files, maps and the configuration in force stay as they are'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from manage" -f -a "status" -d 'Show whether this node is managed, why, and which files here are Pathkeeper\'s'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from overrides" -f -a "show" -d 'Print it; its state goes to standard error'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from overrides" -f -a "edit" -d 'Open $VISUAL or $EDITOR on a copy, judge it, show the plan, ask, and write it'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from alerts" -f -a "test" -d 'Send a test message now, and say what each sink answers'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from token" -f -a "add" -d 'Add a token and print its secret, this once'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from token" -f -a "list" -d 'Show all tokens; their secrets are not known'
complete -c pathkeeper -n "__fish_pathkeeper_using_subcommand help; and __fish_seen_subcommand_from token" -f -a "revoke" -d 'Take a token away'
