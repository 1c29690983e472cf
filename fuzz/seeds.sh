#!/bin/sh
# Seeds for the fuzz targets, from recorded data.
set -eu
cd "$(dirname "$0")"
data=../tests/data
for target in replies paths_raw reports node_values details fold_documents uevents dm_status documents; do mkdir -p "seeds/$target"; done
find "$data/multipathd" -name '*.show-maps.json' -o -name 'reply-*.txt' -path "$data/*" | while read -r file; do
    cp "$file" "seeds/replies/$(echo "$file" | tr / _ | sed "s,^[._]*,,")"
done
find "$data/multipathd" -name '*.paths-raw-allfields.txt' | while read -r file; do
    cp "$file" "seeds/paths_raw/$(echo "$file" | tr / _ | sed "s,^[._]*,,")"
done
find "$data/multipathd" -name '*.dmsetup.txt' | while read -r file; do
    grep -h ' multipath ' "$file" | sed 's/^[^:]*: //' | split -l 1 - "seeds/dm_status/$(basename "$file")." || true
done
find "$data/multipathd" -name '*uevents*.txt' | while read -r file; do
    # One packet a file: the indented lines, ended by NULs as the kernel sends them.
    awk -v out="seeds/uevents/$(echo "$file" | tr / _ | sed "s,^[._]*,,")" '/^\[/ {n++; next} {sub(/^  /, ""); printf "%s%c", $0, 0 > (out "." n)}' "$file"
done
head -n 300 "$data/fold/cases.jsonl" | split -l 1 - seeds/fold_documents/case.
printf '%s' '{"maps":{"w":{"state":"optimal","paths-active":4,"paths-total":4,"paths-expected":4,"transport":"fc","size":1}},"time":1,"v":1,"instance":"0123456789abcdef","seq":1}' > seeds/reports/ours
printf '{"maps":{"w":{"state":"degraded","paths-active":1,"paths-total":2}},"time":1}\0' > seeds/reports/perl
printf '%s' '{"maps":{},"time":1,"v":1,"instance":"0123456789abcdef","seq":1,"part":2,"parts":3}' > seeds/reports/part
printf '%s' '{"v":1,"node":"a","instance":"0123456789abcdef","seq":1,"time":1,"versions":{"pathkeeper":"1"},"mode":"observe","multipathd":{"state":"hung","why":"x"},"adapters":[{"name":"host1","transport":"fc"}]}' > seeds/node_values/ours
printf '%s' '{"error":"no space","time":5}' > seeds/node_values/apply
printf '%s' '{"v":1,"entries":[{"id":"i1","kind":"ack-paths","wwid":"w","node":"a","by":"root@pam","time":5,"paths":{"a":2}},{"id":"i2","kind":"retire","wwid":"w","time":6}]}' > seeds/node_values/orders
printf '%s' '{"v":1,"t":5,"d":{"s":"running","p":1},"r":[{"a":"host1","tp":"50:0a","tr":"fc"}],"m":[{"w":"w1","q":"s","qe":9,"g":[{"p":50,"d":[{"d":"sda","t":"8:0","s":"arr","r":0}]}]}],"l":[{"d":"sdz","w":"w9"}],"k":[{"w":"w2","p":[["8:0",1,2]]}],"led":{"v":1,"ports":[["a","b"]],"luns":{"w":{"since":1,"seen":2,"paths":[[0,2]]}}}}' > seeds/details/inside
printf '%s' '{"v":1,"node":"a","instance":"0123456789abcdef","seq":1,"time":1,"part":1,"parts":1,"data":"H4sIAAAAAAAA/6tWKlOyMqwFAB+OrMkHAAAA"}' > seeds/details/part
printf 'defaults: global\n    expected-paths 4\n\nwwid: 3600a\n    alias a\n    # c\n    nodes pve1,pve2\n    no-path-retry queue\n' > seeds/documents/multipath
printf 'iscsi: san\n\tportal p\n\ttarget t\n\tnodes pve1;pve2\n\nlvm: st\n\tvgname vg0\n\tbase san:0.0.1.scsi-3600a\n\tshared\n\tdisable 0\n' > seeds/documents/storage
