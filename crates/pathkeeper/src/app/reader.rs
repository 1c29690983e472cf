//! Reads of the local node, on a thread that can be thrown away.
//!
//! A read can hang in the kernel for ever, and no thread can be ended from outside. So each worker is a thread that
//! owns its reader; one that does not come back is left behind with it, and a new one is started. What a left-behind
//! worker says when it comes back after all is still delivered: the agent counts who is missing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc as std_mpsc;

use pathkeeper_engine::agent::{AgentEvent, Depth};
use pathkeeper_model::local::NodeRead;
use tokio::sync::mpsc;

/// Looks at one node. All calls block, each within its own bounds as far as the kernel lets it.
pub trait Look: Send {
    /// Reads the node.
    fn read(&mut self, depth: Depth) -> NodeRead;
    /// Another program on the node that writes its report, by its short name; asked at each full read.
    fn report_by(&mut self) -> Option<String> {
        None
    }
    /// Asks multipathd for a sign of life: true if all is as the last read found it.
    fn probe(&mut self) -> bool;
}

/// multipathd must say that it works within this.
pub const PROBE_MS: u32 = 1_500;

/// The depth that the engine asks for, as the local reader calls it: neither crate knows the other.
pub fn depth_of(depth: Depth) -> pathkeeper_io::Depth {
    match depth {
        Depth::Quick => pathkeeper_io::Depth::Quick,
        Depth::Full => pathkeeper_io::Depth::Full,
    }
}

/// Makes a new reader for a new thread.
pub type MakeLook = Arc<dyn Fn() -> Box<dyn Look> + Send + Sync>;

enum Request {
    Read { id: u64, depth: Depth },
    Probe { id: u64 },
}

/// Starts reads and gives their results as events.
pub struct Readers {
    make: MakeLook,
    worker: Option<std_mpsc::Sender<Request>>,
    results: mpsc::UnboundedSender<AgentEvent>,
}

impl Readers {
    /// Readers whose results come out of the receiver. At most one result for each request: the agent bounds them.
    pub fn new(make: MakeLook) -> (Self, mpsc::UnboundedReceiver<AgentEvent>) {
        let (results, receiver) = mpsc::unbounded_channel();
        (Self { make, worker: None, results }, receiver)
    }

    /// Starts a read.
    pub fn read(&mut self, id: u64, depth: Depth) {
        self.send(Request::Read { id, depth });
    }

    /// Starts a probe.
    pub fn probe(&mut self, id: u64) {
        self.send(Request::Probe { id });
    }

    /// The present worker hangs: the next request gets a new one.
    pub fn abandon(&mut self) {
        self.worker = None;
    }

    fn send(&mut self, request: Request) {
        let request = match &self.worker {
            Some(worker) => match worker.send(request) {
                Ok(()) => return,
                Err(std_mpsc::SendError(request)) => request,
            },
            None => request,
        };
        let (sender, receiver) = std_mpsc::channel();
        let (make, results) = (self.make.clone(), self.results.clone());
        let id = match request {
            Request::Read { id, .. } | Request::Probe { id } => id,
        };
        let spawned =
            std::thread::Builder::new().name("read".into()).spawn(move || work(&make, &receiver, &results));
        match spawned {
            Ok(_) => {
                // A receiver that was just made takes the request.
                let _ = sender.send(request);
                self.worker = Some(sender);
            }
            Err(e) => {
                tracing::error!("no thread for reading the local node: {e}");
                let _ = self.results.send(AgentEvent::Read { id, read: None });
            }
        }
    }
}

fn work(
    make: &MakeLook,
    requests: &std_mpsc::Receiver<Request>,
    results: &mpsc::UnboundedSender<AgentEvent>,
) {
    let mut look = make();
    while let Ok(request) = requests.recv() {
        let (Request::Read { id, .. } | Request::Probe { id }) = request;
        // A reader that broke is a defect of ours; the agent must hear of it, and the next read gets a new one.
        let event = catch_unwind(AssertUnwindSafe(|| match request {
            Request::Read { id, depth } => {
                if depth == Depth::Full {
                    // Before the read that would be reported. Whoever is gone takes no read either.
                    let _ = results.send(AgentEvent::ReportBy(look.report_by()));
                }
                AgentEvent::Read { id, read: Some(Box::new(look.read(depth))) }
            }
            Request::Probe { id } => AgentEvent::Probed { id, calm: look.probe() },
        }));
        let broke = event.is_err();
        let event = event.unwrap_or(AgentEvent::Read { id, read: None });
        if results.send(event).is_err() || broke {
            return;
        }
    }
}
