//! When to look at the node, and what becomes of a look that does not come back.

use std::sync::Arc;

use pathkeeper_model::ledger::Change;
use pathkeeper_model::local::{Daemon, NodeRead};
use pathkeeper_model::{MonoMs, Now, judge};

use super::{Agent, AgentEffect, Depth, PROBE_AFTER_MS, Running, SETTLE_MS};

/// While events keep coming, a read begins at most this often.
const EVENT_GAP_MS: u64 = 200;
/// A read that has not come back by then is given up. The reader's own bounds are shorter; this one is for a thread
/// that the kernel does not let go.
const READ_GIVE_UP_MS: u64 = 8_000;
/// No more threads than this are left behind in the kernel; then reading waits until one comes back.
const READS_STUCK_MAX: u32 = 3;

impl Agent {
    /// When the running read is given up, or the next one or a probe begins.
    pub(super) fn look_deadline(&self) -> MonoMs {
        match &self.running {
            Some(running) => running.began.plus(READ_GIVE_UP_MS),
            None if self.stuck >= READS_STUCK_MAX => MonoMs(u64::MAX),
            None => self.next_read().min(self.next_probe),
        }
    }

    fn next_read(&self) -> MonoMs {
        [self.wanted, self.settle].into_iter().flatten().fold(self.next_poll, MonoMs::min)
    }

    pub(super) fn want_read(&mut self, now: Now) {
        let earliest = self.read_began.map_or(now.mono, |began| began.plus(EVENT_GAP_MS).max(now.mono));
        self.wanted = Some(self.wanted.map_or(earliest, |w| w.min(earliest)));
    }

    pub(super) fn read_came_back(
        &mut self,
        id: u64,
        read: Option<Box<NodeRead>>,
        now: Now,
        effects: &mut Vec<AgentEffect>,
    ) {
        if self.running.take_if(|r| r.id == id).is_none() {
            // It was given up long ago: what it saw is old, that it came back is news.
            self.stuck = self.stuck.saturating_sub(1);
            self.want_read(now);
            return;
        }
        self.next_probe = now.mono.plus(PROBE_AFTER_MS);
        match read {
            Some(read) => self.take_read(read, now, effects),
            None => self.go_blind(now, effects),
        }
    }

    fn take_read(&mut self, mut read: Box<NodeRead>, now: Now, effects: &mut Vec<AgentEffect>) {
        let restarted = match (self.last.as_deref().map(|l| &l.daemon), &read.daemon) {
            (Some(Daemon::Answering { pid: old }), Daemon::Answering { pid: new }) => old != new,
            (Some(Daemon::Answering { .. }), _) | (None, _) => false,
            (Some(_), Daemon::Answering { .. }) => true,
            _ => false,
        };
        if restarted {
            // A daemon that just started assembles its maps one after the other.
            self.settle = Some(now.mono.plus(SETTLE_MS));
        }
        let answered = matches!(read.daemon, Daemon::Answering { .. });
        if !judge::is_blind(&read) {
            self.publisher.read_succeeded(read.began);
        }
        match self.ledger.observe(&read, now) {
            Change::None => {}
            Change::Seen => self.ledger_dirty = true,
            Change::Known => self.ledger_changed(),
        }
        self.turns.take(&mut read, self.booting.is_some(), now);
        self.last = Some(Arc::from(read));
        self.obey();
        self.end_boot(now, answered);
        if let Some(boot) = self.booting.as_mut().filter(|boot| answered && !boot.asked) {
            // It may still be assembling its first maps: only its own word tells.
            boot.asked = true;
            self.next_probe = now.mono;
        }
        self.judge();
        effects.push(AgentEffect::Looked);
    }

    /// Nothing could be read at all: every LUN that was known is unknown now.
    fn go_blind(&mut self, now: Now, effects: &mut Vec<AgentEffect>) {
        let why = format!(
            "the read of this node did not come back within {READ_GIVE_UP_MS} ms: the kernel holds it, or it broke off"
        );
        let before = self.last.as_deref();
        self.last = Some(Arc::new(NodeRead {
            kernel: Err(why.clone()),
            adapters: before.map(|read| read.adapters.clone()).unwrap_or_default(),
            tools_version: before.and_then(|read| read.tools_version.clone()),
            config_digest: before.and_then(|read| read.config_digest.clone()),
            own_wwids: before.and_then(|read| read.own_wwids.clone()),
            host: before.map(|read| read.host.clone()).unwrap_or_default(),
            port_changes: before.map(|read| read.port_changes.clone()).unwrap_or_default(),
            problems: vec![why.clone()],
            ..NodeRead::empty(before.map_or(now.wall, |read| read.began), Daemon::Unreadable { why })
        }));
        self.judge();
        effects.push(AgentEffect::Looked);
    }

    pub(super) fn give_up_what_hangs(&mut self, now: Now, effects: &mut Vec<AgentEffect>) {
        if let Some(running) = self.running.take_if(|r| now.mono.since(r.began) >= READ_GIVE_UP_MS) {
            self.stuck += 1;
            self.next_probe = now.mono.plus(PROBE_AFTER_MS);
            effects.push(AgentEffect::Abandon { id: running.id });
            self.go_blind(now, effects);
        }
    }

    pub(super) fn start_what_is_due(&mut self, now: Now, effects: &mut Vec<AgentEffect>) {
        if self.running.is_some() || self.stuck >= READS_STUCK_MAX {
            return;
        }
        let poll = self.next_poll <= now.mono;
        let read = poll || self.next_read() <= now.mono;
        if !read && self.next_probe > now.mono {
            return;
        }
        self.next_id += 1;
        let id = self.next_id;
        self.running = Some(Running { id, began: now.mono, probe: !read });
        if !read {
            effects.push(AgentEffect::Probe { id });
            return;
        }
        if poll {
            self.next_poll = now.mono.plus(self.config.poll_ms);
        }
        self.read_began = Some(now.mono);
        self.wanted = None;
        self.settle = self.settle.filter(|s| *s > now.mono);
        effects.push(AgentEffect::Read { id, depth: if poll { Depth::Full } else { Depth::Quick } });
    }

    /// Whether a read or probe is under way: (id, it is a probe).
    pub fn running(&self) -> Option<(u64, bool)> {
        self.running.as_ref().map(|r| (r.id, r.probe))
    }
}
