//! Guides: the commands for a LUN that is new, that was resized, or that is taken out of service, for each node in the safe
//! order, each with how it is seen that it was done. Pathkeeper runs none of them.

mod new;
mod resize;
mod retire;

use crate::detail::Detail;
use crate::explain::{bytes, count, label};
use crate::ids::{NodeName, Wwid};
use crate::local::{Map, PathDevice};
use crate::picture::{NodePicture, Picture};

/// What is to be done with a LUN.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Aim {
    /// It is to be used from now on.
    New,
    /// The array made it larger.
    Resize,
    /// It is taken out of service.
    Retire,
}

impl Aim {
    /// `new`, `resize`, `retire`.
    pub fn as_str(self) -> &'static str {
        match self {
            Aim::New => "new",
            Aim::Resize => "resize",
            Aim::Retire => "retire",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Aim::New, Aim::Resize, Aim::Retire].into_iter().find(|aim| aim.as_str() == word)
    }
}

/// How far a step is, as far as the nodes tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// The nodes show that it was done.
    Done,
    /// It is to be done, and what comes before it is done.
    Next,
    /// What comes before it is not done.
    Later,
    /// Nobody can tell: the node is not heard, or nothing shows it.
    Unknown,
}

impl Standing {
    /// `done`, `next`, `later`, `unknown`.
    pub fn as_str(self) -> &'static str {
        match self {
            Standing::Done => "done",
            Standing::Next => "next",
            Standing::Later => "later",
            Standing::Unknown => "unknown",
        }
    }
}

/// One step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// On which node; `None` = once, wherever, or on the array.
    pub node: Option<NodeName>,
    /// What is to be done.
    pub what: String,
    /// With which commands, in this order. Empty: nothing that a shell does.
    pub commands: Vec<String>,
    /// What shows that it was done, or what is seen instead.
    pub seen: String,
    /// How far it is.
    pub standing: Standing,
}

/// All steps, in their order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Guide {
    /// For what.
    pub aim: Aim,
    /// With which LUN.
    pub wwid: Wwid,
    /// How people call it.
    pub name: String,
    /// What speaks against beginning at all; a person decides.
    pub cautions: Vec<String>,
    /// Stages of steps: a stage is done when all of its steps are, and none begins before the one before it is done.
    pub stages: Vec<Stage>,
}

/// Steps that may be done in any order among themselves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stage {
    /// In few words.
    pub title: String,
    /// Its steps, by node.
    pub steps: Vec<Step>,
}

impl Guide {
    /// Whether every step was seen done.
    pub fn is_done(&self) -> bool {
        self.stages.iter().flat_map(|stage| &stage.steps).all(|step| step.standing == Standing::Done)
    }

    /// What is not done in a stage behind one that is not done comes later.
    fn in_order(mut self) -> Self {
        self.stages.retain(|stage| !stage.steps.is_empty());
        let mut open = true;
        for stage in &mut self.stages {
            for step in stage.steps.iter_mut().filter(|step| step.standing == Standing::Next && !open) {
                step.standing = Standing::Later;
            }
            open &= stage.steps.iter().all(|step| step.standing == Standing::Done);
        }
        self
    }
}

/// Makes the guide. `detail` unpacks what a node published last.
pub fn guide(
    aim: Aim,
    wwid: &Wwid,
    picture: &Picture<'_>,
    detail: &dyn Fn(&NodeName) -> Option<Detail>,
) -> Guide {
    let nodes =
        picture.nodes.iter().map(|(name, node)| Side::of(name, node, wwid, detail)).collect::<Vec<_>>();
    let mut guide = Guide {
        aim,
        wwid: wwid.clone(),
        name: label(wwid, picture),
        cautions: Vec::new(),
        stages: Vec::new(),
    };
    for side in nodes.iter().filter(|side| !side.heard) {
        guide.cautions.push(format!("{} is not heard: nobody can tell what is done there", side.name));
    }
    match aim {
        Aim::New => new::fill(&mut guide, &nodes, picture),
        Aim::Resize => resize::fill(&mut guide, &nodes, picture),
        Aim::Retire => retire::fill(&mut guide, &nodes, picture),
    }
    guide.in_order()
}

/// One node's side of the LUN.
struct Side {
    name: NodeName,
    /// What it published tells of now.
    heard: bool,
    map: Option<Map>,
    /// Devices of the LUN that no map took.
    loose: Vec<PathDevice>,
}

impl Side {
    fn of(
        name: &NodeName,
        node: &NodePicture<'_>,
        wwid: &Wwid,
        detail: &dyn Fn(&NodeName) -> Option<Detail>,
    ) -> Self {
        let detail = detail(name);
        let read = detail.as_ref().map(|detail| &detail.read);
        let map = read.and_then(|read| read.maps.iter().find(|map| map.wwid == *wwid).cloned());
        let loose = read.map_or_else(Vec::new, |read| {
            read.loose.iter().filter(|path| path.wwid.as_ref() == Some(wwid)).cloned().collect()
        });
        Self { name: name.clone(), heard: node.paths_count() && read.is_some(), map, loose }
    }

    /// All devices of the LUN here.
    fn devices(&self) -> Vec<&PathDevice> {
        let of_map = self.map.iter().flat_map(|map| &map.groups).flat_map(|group| &group.paths);
        of_map.chain(&self.loose).collect()
    }

    /// `sda sdb`.
    fn names(&self) -> String {
        self.devices().iter().map(|path| path.dev.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// The LUN is there in some way.
    fn has_it(&self) -> bool {
        self.map.is_some() || !self.loose.is_empty()
    }

    /// A step here: done, or next; unknown where the node is not heard.
    fn step(&self, what: String, commands: Vec<String>, seen: String, done: bool) -> Step {
        let standing = match (self.heard, done) {
            (false, _) => Standing::Unknown,
            (true, true) => Standing::Done,
            (true, false) => Standing::Next,
        };
        let seen = if self.heard { seen } else { "what it published is not of now".into() };
        Step { node: Some(self.name.clone()), what, commands, seen, standing }
    }
}

/// `echo 1 > /sys/block/$d/device/FILE` for these devices.
fn for_devices(names: &str, file: &str) -> String {
    format!("for d in {names}; do echo 1 > /sys/block/$d/device/{file}; done")
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:+,@%=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn names_are_one_word_of_a_shell() {
        for (text, expect) in [
            ("mpatha", "mpatha"),
            ("my disk", "'my disk'"),
            ("a'b", r"'a'\''b'"),
            ("$(reboot)", "'$(reboot)'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(text), expect);
        }
    }
}
