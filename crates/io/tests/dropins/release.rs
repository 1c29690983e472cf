//! A node is released: the same settings as plain files, in the same place, and nothing of ours is left.

use pathkeeper_io::dropins::{DropIn, Released};

use super::{Lab, wwids};

const MAIN: &str = "# Made by Pathkeeper from the cluster's multipath.cfg, digest abc.\n\
                    # It is written anew with each change there: pathkeeper config show\n\
                    defaults {\n\tno_path_retry \"12\"\n}\n";
/// The administrator's own comment stays.
const OVERRIDES: &str = "# Made by Pathkeeper from the cluster's multipath-overrides.conf, digest abc.\n\
                         # It is written anew with each change there: pathkeeper config show\n\
                         # our array\ndevices {\n}\n";
const CONF_D: &str = "etc/multipath/conf.d";

fn lab() -> Lab {
    let lab = Lab::new();
    lab.put(&format!("{CONF_D}/60-pathkeeper.conf"), MAIN);
    lab.put(&format!("{CONF_D}/90-pathkeeper-overrides.conf"), OVERRIDES);
    lab.put(&format!("{CONF_D}/50-site.conf"), "defaults {\n}\n");
    lab.put("etc/multipath/wwids", "# theirs\n/3600a/\n");
    lab.files.add_wwids(&lab.right, &wwids(&["3600b"])).unwrap();
    lab
}

fn conf_d(lab: &Lab) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(lab.path(CONF_D))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn the_same_settings_are_left_as_plain_files() {
    let lab = lab();
    let wwids = lab.text("etc/multipath/wwids");
    let released = lab.files.release(&lab.right).unwrap();
    assert_eq!((released.files.len(), released.wwids), (2, 1));
    assert_eq!(
        conf_d(&lab),
        ["50-site.conf", "60-pathkeeper-released.conf", "90-pathkeeper-overrides-released.conf"]
    );
    let main = lab.text(&format!("{CONF_D}/60-pathkeeper-released.conf")).unwrap();
    assert!(
        main.starts_with("# Left by Pathkeeper")
            && main.ends_with("\ndefaults {\n\tno_path_retry \"12\"\n}\n")
    );
    assert_eq!(main.lines().count(), 4);
    let overrides = lab.text(&format!("{CONF_D}/90-pathkeeper-overrides-released.conf")).unwrap();
    assert!(overrides.ends_with("\n# our array\ndevices {\n}\n"), "{overrides}");
    assert_eq!(lab.text("etc/multipath/wwids"), wwids);
    assert!(lab.record().is_empty());
    // Nothing is left to be released.
    assert_eq!(lab.files.release(&lab.right).unwrap(), Released::default());
}

#[test]
fn it_goes_on_where_it_died() {
    let whole = lab();
    whole.files.release(&whole.right).unwrap();
    let lab = lab();
    let left = format!("{CONF_D}/{}", DropIn::Main.released_name());
    // The file was written, and the drop-in still stands.
    lab.put(&left, &whole.text(&left).unwrap());
    assert_eq!(lab.files.release(&lab.right).unwrap().files.len(), 2);
    assert_eq!(conf_d(&lab), conf_d(&whole));
}

#[test]
fn nothing_of_others_is_overwritten_or_overtaken() {
    for (name, text, words) in [
        ("60-pathkeeper-released.conf", "defaults {\n}\n", "says something else"),
        ("60-pathkeeper-zz.conf", "", "is read between it and 60-pathkeeper.conf"),
    ] {
        let lab = lab();
        lab.put(&format!("{CONF_D}/{name}"), text);
        let before = conf_d(&lab);
        let why = lab.files.release(&lab.right).unwrap_err().to_string();
        assert!(why.contains(words), "{why}");
        assert_eq!((conf_d(&lab), lab.record()), (before, vec!["3600b".to_owned()]));
        assert_eq!(lab.text(&format!("{CONF_D}/60-pathkeeper.conf")).unwrap(), MAIN);
        assert_eq!(lab.text(&format!("{CONF_D}/{name}")).unwrap(), text);
    }
}
