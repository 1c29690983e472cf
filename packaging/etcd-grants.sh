#!/bin/sh
# Prints the etcdctl commands that give each node a user of its own: it reads everything of Pathkeeper's and writes its
# own keys alone, so that a stolen password cannot speak for another node. Runs nothing; read what it prints, then run
# it where etcdctl reaches etcd as root (ETCDCTL_USER=root, or before `auth enable`).
#
#   sh etcd-grants.sh [--prefix /pathkeeper] [--endpoints URL,URL] [--passwords DIR] [--managing NODE]... NODE...
#
# --managing NODE    this node may also write documents (configuration, mutes, names): the nodes that people manage from
# --passwords DIR    each password is taken from DIR/NODE, one word (etcdctl drops what follows a blank, and the agent
#                    takes no password with one); without it etcdctl asks for each
set -eu

usage() {
	sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

fail() {
	echo "etcd-grants.sh: $1" >&2
	exit 2
}

prefix=/pathkeeper
endpoints=
passwords=
managing=
nodes=
while [ $# -gt 0 ]; do
	case $1 in
	--prefix | --endpoints | --passwords | --managing)
		[ $# -ge 2 ] || fail "$1 wants a word after it"
		case $1 in
		--prefix) prefix=$2 ;;
		--endpoints) endpoints=$2 ;;
		--passwords) passwords=$2 ;;
		--managing) managing="$managing $2" ;;
		esac
		shift 2
		;;
	-*) usage ;;
	*)
		nodes="$nodes $1"
		shift
		;;
	esac
done

# What is printed is meant for a shell: nothing comes in that a shell would read as anything but a word.
case $prefix in
/*[!A-Za-z0-9._/-]* | */ | *//*) fail "$prefix is no prefix: /NAME or /NAME/NAME, letters, digits, '.', '_', '-'" ;;
/?*) ;;
*) fail "$prefix is no prefix: it begins with /" ;;
esac
case $endpoints in *[!A-Za-z0-9._:/,[\]-]*) fail "$endpoints are no endpoints" ;; esac
case $passwords in *[!A-Za-z0-9._/-]*) fail "$passwords: letters, digits, '.', '_', '-' and '/' only" ;; esac
is_managing() {
	case " $managing " in *" $1 "*) return 0 ;; *) return 1 ;; esac
}
for node in $managing; do
	case " $nodes " in *" $node "*) ;; *) nodes="$nodes $node" ;; esac
done
[ -n "$nodes" ] || usage
for node in $nodes; do
	case $node in
	*[!A-Za-z0-9._-]*) fail "$node is no node name: letters, digits, '.', '_', '-'" ;;
	esac
done

echo "export ETCDCTL_API=3"
[ -z "$endpoints" ] || echo "export ETCDCTL_ENDPOINTS=$endpoints"
for node in $nodes; do
	user=pathkeeper-$node
	grant="etcdctl role grant-permission $user"
	echo
	echo "# $node"
	echo "etcdctl role add $user"
	echo "$grant --prefix=true read $prefix/"
	echo "$grant --prefix=true readwrite $prefix/values/$node/"
	for kind in fresh nodes alive; do
		echo "$grant readwrite $prefix/$kind/$node"
	done
	if is_managing "$node"; then
		echo "$grant --prefix=true readwrite $prefix/documents/"
	fi
	if [ -n "$passwords" ]; then
		echo "etcdctl user add $user --interactive=false < $passwords/$node"
	else
		echo "etcdctl user add $user"
	fi
	echo "etcdctl user grant-role $user $user"
done
cat <<'END'

# Once for the whole of etcd, if users are not switched on yet; from then on every client needs one:
#   etcdctl user add root && etcdctl user grant-role root root && etcdctl auth enable
END
