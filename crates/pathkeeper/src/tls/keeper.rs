//! Shows the present certificate to clients and looks whether there is a new one.
//!
//! Files are read by a thread of their own: below `/etc/pve` a read can hang for ever, and then what was read last is
//! shown on.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ConfigBuilder, ServerConfig, WantsVerifier};

use super::{DAY_S, Pair, Source, provider};
use crate::app::clock::Clock;

/// How often files are looked at; a clock that was set right shows within the same time.
pub const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Who waits for them to be read waits no longer.
pub const LOAD_MAX: Duration = Duration::from_secs(5);

/// The certificate that is shown now.
#[derive(Debug, Default)]
struct Shown {
    /// `None`: it could not be read so far; no handshake succeeds.
    pair: ArcSwapOption<Pair>,
    /// The thread is at the files.
    reading: AtomicBool,
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.pair.load().as_ref().map(|pair| pair.key.clone())
    }
}

/// Keeps a server's certificate fresh. When the last clone is dropped, its thread ends.
#[derive(Clone)]
pub struct Keeper {
    shown: Arc<Shown>,
    look: mpsc::Sender<Asked>,
    wait: Duration,
    config: Arc<ServerConfig>,
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("shown", &self.shown.pair.load().as_ref().map(|p| &p.from)).finish()
    }
}

/// Somebody wants the files looked at now, and to hear what came of it.
type Asked = mpsc::Sender<Result<(), String>>;

impl Keeper {
    /// Reads the certificate and goes on looking. Files that take longer than `wait` are waited for beside: until they
    /// are read no handshake succeeds. Blocks.
    ///
    /// # Errors
    /// In words: files that cannot be used.
    pub fn start(source: Source, clock: Clock, wait: Duration) -> Result<Self, String> {
        let shown = Arc::new(Shown::default());
        let config = server_config(shown.clone())?;
        let (look, asked) = mpsc::channel();
        let (first, told) = mpsc::channel();
        let thread = Looker { source, clock, shown: shown.clone(), last: None, told_day: None };
        std::thread::Builder::new()
            .name("certificate".into())
            .stack_size(512 * 1024)
            .spawn(move || thread.run(&first, &asked))
            .map_err(|e| format!("no thread for reading certificates: {e}"))?;
        match told.recv_timeout(wait) {
            Ok(result) => result?,
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err("reading the certificate broke off".into());
            }
            Err(mpsc::RecvTimeoutError::Timeout) => tracing::error!(
                "the certificate was not read within {wait:?} (does /etc/pve hang?): nobody can connect by TLS until it is"
            ),
        }
        Ok(Self { shown, look, wait, config: Arc::new(config) })
    }

    /// What a TLS listener needs.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }

    /// Looks at the files now. Blocks, no longer than at the start.
    ///
    /// # Errors
    /// In words: why what was shown before is shown on.
    pub fn reload(&self) -> Result<(), String> {
        let (sender, told) = mpsc::channel();
        let _ = self.look.send(sender);
        let what =
            if self.shown.reading.load(Ordering::Relaxed) { "its files hang" } else { "it takes long" };
        told.recv_timeout(self.wait)
            .unwrap_or_else(|_| Err(format!("no certificate was read within {:?}: {what}", self.wait)))
    }

    /// What is shown now.
    pub fn pair(&self) -> Option<Arc<Pair>> {
        self.shown.pair.load_full()
    }
}

/// How we speak TLS: 1.2 and 1.3, HTTP/1.1, one crypto library.
///
/// # Errors
/// If the crypto library does not do that, which it does.
pub fn server_config(resolver: Arc<dyn ResolvesServerCert>) -> Result<ServerConfig, String> {
    let builder: ConfigBuilder<ServerConfig, WantsVerifier> = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|e| format!("TLS cannot be set up: {e}"))?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

struct Looker {
    source: Source,
    clock: Clock,
    shown: Arc<Shown>,
    /// What the last look ended with; `None` before the first.
    last: Option<Result<(), String>>,
    /// The day for which something was told about the certificate's time.
    told_day: Option<i64>,
}

impl Looker {
    fn run(mut self, first: &mpsc::Sender<Result<(), String>>, asked: &mpsc::Receiver<Asked>) {
        let result = self.look();
        let _ = first.send(result);
        loop {
            match asked.recv_timeout(LOOK_EVERY) {
                Ok(answer) => {
                    let result = self.look();
                    let _ = answer.send(result);
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    let _ = self.look();
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn look(&mut self) -> Result<(), String> {
        let now_s = self.clock.now().wall.0;
        self.shown.reading.store(true, Ordering::Relaxed);
        let loaded = self.source.load(now_s);
        self.shown.reading.store(false, Ordering::Relaxed);
        let before = self.shown.pair.load_full();
        let result = loaded.and_then(|pair| self.take(pair, before.as_deref(), now_s));
        if let Err(why) = &result
            && self.last.as_ref() != Some(&result)
        {
            match &before {
                Some(_) => tracing::error!("the certificate before is shown on: {why}"),
                None => tracing::error!("there is no certificate to show: {why}"),
            }
        }
        self.last = Some(result.clone());
        self.tell_time(now_s);
        result
    }

    fn take(&self, pair: Pair, before: Option<&Pair>, now_s: i64) -> Result<(), String> {
        if before.is_some_and(|before| before.key.cert == pair.key.cert) {
            return Ok(());
        }
        if before.is_some_and(|before| before.counts(now_s)) && !pair.counts(now_s) {
            return Err(pair.concern(now_s).unwrap_or_default());
        }
        tracing::info!("TLS shows {}, which ends on {}", pair.from, super::date(pair.not_after_s));
        self.shown.pair.store(Some(Arc::new(pair)));
        Ok(())
    }

    /// Once a day is enough.
    fn tell_time(&mut self, now_s: i64) {
        let concern = self.shown.pair.load().as_ref().and_then(|pair| pair.concern(now_s));
        let Some(concern) = concern else { return };
        let today = now_s / DAY_S;
        if self.told_day != Some(today) {
            self.told_day = Some(today);
            tracing::warn!("the certificate {concern}");
        }
    }
}
