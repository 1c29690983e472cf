//! This node's API tokens: their file in the state directory, who may come in by it, and how it is changed.
//!
//! The command line changes the file itself, as root, whether the agent runs or not; the agent looks at it every
//! [`LOOK_EVERY`]. A file that cannot be read or believed lets nobody in.

use std::fmt;
use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use pathkeeper_io::state_file;
use pathkeeper_model::EpochS;
use pathkeeper_model::token::{Privilege, TOKENS_MAX, TokenId, Tokens, to_hex};
use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Its name in the state directory.
pub const TOKENS_FILE: &str = "tokens.json";
/// Held by whoever changes the file.
const LOCK_FILE: &str = "tokens.lock";
/// So many tokens with the longest names and comments are 150 KiB.
const BYTES_MAX: u64 = TOKENS_MAX as u64 * 1024;
/// A change by the command line is in force after so long.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What somebody showed at the door.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The token that it is said to be; `None` where only a secret was shown.
    pub id: Option<TokenId>,
    /// The secret.
    pub secret: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Why credentials are worth nothing. For the log: whoever showed them is told only that they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nobody has that name.
    #[error("no such token")]
    Unknown,
    /// The name is right and the secret is not.
    #[error("invalid token value!")]
    Wrong,
    /// Its end has come.
    #[error("token access expired")]
    Expired,
    /// The file cannot be used, so nobody comes in.
    #[error("the tokens cannot be read, so nobody comes in by one: {0}")]
    Unreadable(String),
}

/// The tokens as they are now. Clones are the same store.
#[derive(Clone, Debug)]
pub struct TokenStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// `None`: no state directory, no tokens.
    file: Option<PathBuf>,
    loaded: ArcSwap<Loaded>,
}

/// The file as it was last read.
#[derive(Debug, PartialEq)]
struct Loaded {
    tokens: Result<Tokens, String>,
    stamp: Option<Stamp>,
}

/// Which file it was, and when it was last changed. Renaming gives another file; `ctime` nobody can set.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
struct Stamp {
    inode: (u64, u64),
    mode: u32,
    size: u64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &std::fs::Metadata) -> Self {
        Self {
            inode: (metadata.dev(), metadata.ino()),
            mode: metadata.mode(),
            size: metadata.size(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl TokenStore {
    /// The tokens in this state directory. One that cannot be used is told in the log and lets nobody in.
    pub fn open(state_dir: &Path) -> Self {
        let file = state_dir.join(TOKENS_FILE);
        let loaded = load(&file);
        tell(&file, &loaded);
        Self(Arc::new(Inner { file: Some(file), loaded: ArcSwap::from_pointee(loaded) }))
    }

    /// No tokens, and none to come.
    pub fn none() -> Self {
        let loaded = Loaded { tokens: Ok(Tokens::default()), stamp: None };
        Self(Arc::new(Inner { file: None, loaded: ArcSwap::from_pointee(loaded) }))
    }

    /// Whether nobody can come in by a token: there is none, or the file cannot be used.
    pub fn is_empty(&self) -> bool {
        self.0.loaded.load().tokens.as_ref().map_or(true, Tokens::is_empty)
    }

    /// Why the file cannot be used.
    pub fn problem(&self) -> Option<String> {
        self.0.loaded.load().tokens.as_ref().err().cloned()
    }

    /// Whose credentials these are, and what they may do.
    ///
    /// # Errors
    /// Why they are worth nothing.
    pub fn check(&self, shown: &Credentials, now: EpochS) -> Result<(TokenId, Privilege), Rejection> {
        let loaded = self.0.loaded.load();
        let tokens = loaded.tokens.as_ref().map_err(|why| Rejection::Unreadable(why.clone()))?;
        let hash = hash(&shown.secret);
        let found = match &shown.id {
            Some(id) => {
                let token = tokens.get(id).ok_or(Rejection::Unknown)?;
                is_same(&token.hash, &hash).then_some((id, token)).ok_or(Rejection::Wrong)?
            }
            // Every one is looked at, so that how long it takes tells nothing of where it stands.
            None => {
                let mut found = None;
                for (id, token) in tokens.iter() {
                    if is_same(&token.hash, &hash) {
                        found = Some((id, token));
                    }
                }
                found.ok_or(Rejection::Wrong)?
            }
        };
        let (id, token) = found;
        if token.is_over(now) { Err(Rejection::Expired) } else { Ok((id.clone(), token.privilege)) }
    }

    /// What may be done by a token that was shown once: it has to be the same one still.
    ///
    /// # Errors
    /// Why it is worth nothing any more.
    pub fn check_again(&self, id: &TokenId, hash: &[u8; 32], now: EpochS) -> Result<Privilege, Rejection> {
        let loaded = self.0.loaded.load();
        let tokens = loaded.tokens.as_ref().map_err(|why| Rejection::Unreadable(why.clone()))?;
        let token = tokens.get(id).ok_or(Rejection::Unknown)?;
        if !is_same(&token.hash, hash) {
            return Err(Rejection::Wrong);
        }
        if token.is_over(now) { Err(Rejection::Expired) } else { Ok(token.privilege) }
    }

    /// Reads the file again if it is another one than before.
    pub fn look(&self) {
        let Some(file) = &self.0.file else { return };
        let now = std::fs::symlink_metadata(file).ok().map(|metadata| Stamp::of(&metadata));
        let before = self.0.loaded.load();
        if before.stamp == now && (before.tokens.is_ok() || now.is_some()) {
            return;
        }
        let loaded = load(file);
        if loaded.tokens != before.tokens {
            tell(file, &loaded);
        }
        self.0.loaded.store(Arc::new(loaded));
    }

    /// Looks for ever. A disk that hangs holds one thread, and then what was read last counts.
    pub async fn follow(self) {
        if self.0.file.is_none() {
            return std::future::pending().await;
        }
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let store = self.clone();
            if let Err(e) = tokio::task::spawn_blocking(move || store.look()).await {
                tracing::error!("looking for changed tokens: {e}");
            }
        }
    }
}

fn load(file: &Path) -> Loaded {
    // The file's stamp is taken before it is read and after it was mended: a change meanwhile is seen at the next look.
    match state_file::read_private(file, BYTES_MAX) {
        Ok(None) => Loaded { tokens: Ok(Tokens::default()), stamp: None },
        Ok(Some(read)) => {
            if read.mended {
                tracing::warn!("{}: others could read it; its mode is 0600 now", file.display());
            }
            Loaded { tokens: Tokens::decode(&read.bytes), stamp: Some(Stamp::of(&read.metadata)) }
        }
        Err(e) => Loaded {
            tokens: Err(e.to_string()),
            stamp: std::fs::symlink_metadata(file).ok().map(|metadata| Stamp::of(&metadata)),
        },
    }
}

fn tell(file: &Path, loaded: &Loaded) {
    match &loaded.tokens {
        Ok(tokens) if loaded.stamp.is_some() => {
            tracing::info!("{} tokens in {}", tokens.iter().count(), file.display());
        }
        Ok(_) => {}
        Err(why) => {
            tracing::error!("{}: {why}. Nobody comes in by a token until it is mended", file.display())
        }
    }
}

/// A fast hash is enough: a secret of 256 random bits cannot be guessed, however fast one can try. Slow ones are for
/// what people think up.
pub fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// In constant time.
fn is_same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.ct_eq(b).into()
}

/// A new secret, 64 hexadecimal digits, and its hash.
///
/// # Errors
/// If the kernel has no randomness to give.
pub fn new_secret() -> anyhow::Result<(String, [u8; 32])> {
    let mut bytes = [0; 32];
    let got = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    anyhow::ensure!(got == bytes.len(), "the kernel gave only {got} random bytes");
    let secret = to_hex(&bytes);
    let hash = hash(&secret);
    Ok((secret, hash))
}

/// All tokens of a state directory; none where there is no file.
///
/// # Errors
/// In words, if the file cannot be used.
pub fn read(state_dir: &Path) -> anyhow::Result<Tokens> {
    let file = state_dir.join(TOKENS_FILE);
    let unusable = || {
        format!(
            "{} cannot be used, and nobody comes in by a token; mend it, or move it away and add the tokens anew",
            file.display()
        )
    };
    match state_file::read_private(&file, BYTES_MAX).with_context(unusable)? {
        None => Ok(Tokens::default()),
        Some(read) => Tokens::decode(&read.bytes).map_err(|why| anyhow::anyhow!(why)).with_context(unusable),
    }
}

/// Changes the tokens of a state directory, whole or not at all. A file that cannot be used is left as it is.
///
/// # Errors
/// In words: what `change` says, a file that cannot be used, or from the disk; then nothing is changed.
pub fn edit<T>(state_dir: &Path, change: impl FnOnce(&mut Tokens) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let shown = state_dir.display();
    // The mode that systemd gives it.
    let made = DirBuilder::new().recursive(true).mode(0o750).create(state_dir);
    made.with_context(|| format!("cannot create {shown}"))?;
    let lock = state_dir.join(LOCK_FILE);
    let lock = std::fs::File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&lock)
        .with_context(|| format!("cannot open {}", lock.display()))?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive)
        .context("another pathkeeper changes the tokens just now; try again")?;
    let mut tokens = read(state_dir)?;
    let result = change(&mut tokens)?;
    let file = state_dir.join(TOKENS_FILE);
    state_file::write(&file, &tokens.encode()).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(result)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use pathkeeper_model::token::Token;

    use super::*;

    const NOW: EpochS = EpochS(1_000);

    fn add(dir: &Path, name: &str, privilege: Privilege, until: Option<i64>) -> String {
        let (secret, hash) = new_secret().unwrap();
        let token = Token { privilege, made: NOW, until: until.map(EpochS), comment: None, hash };
        let id = TokenId::of(name).unwrap();
        edit(dir, |tokens| tokens.add(id, token).map_err(anyhow::Error::msg)).unwrap();
        secret
    }

    fn shown(id: Option<&str>, secret: &str) -> Credentials {
        Credentials { id: id.map(|id| TokenId::of(id).unwrap()), secret: secret.into() }
    }

    #[test]
    fn only_its_own_secret_opens_for_a_token() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (
            add(dir.path(), "one", Privilege::Audit, None),
            add(dir.path(), "two", Privilege::Modify, Some(1_001)),
        );
        let store = TokenStore::open(dir.path());
        assert!(!store.is_empty() && store.problem().is_none());
        let check =
            |id: Option<&str>, secret: &str, now: i64, expect: Result<(&str, Privilege), Rejection>| {
                let expect = expect.map(|(name, privilege)| (TokenId::of(name).unwrap(), privilege));
                assert_eq!(store.check(&shown(id, secret), EpochS(now)), expect, "{id:?} {secret}");
            };
        check(Some("one"), &one, 1_000, Ok(("one", Privilege::Audit)));
        check(None, &one, 1_000, Ok(("one", Privilege::Audit)));
        check(Some("two"), &two, 1_000, Ok(("two", Privilege::Modify)));
        check(Some("two"), &two, 1_001, Err(Rejection::Expired));
        check(None, &two, 1_001, Err(Rejection::Expired));
        check(Some("one"), &two, 1_000, Err(Rejection::Wrong));
        check(Some("three"), &two, 1_000, Err(Rejection::Unknown));
        for wrong in ["", &one[1..], &format!("{one}0"), &one.to_uppercase(), &to_hex(&hash(&one))] {
            check(Some("one"), wrong, 1_000, Err(Rejection::Wrong));
            check(None, wrong, 1_000, Err(Rejection::Wrong));
        }
        // An expired one does not say so to somebody who has not the secret.
        check(Some("two"), &one, 2_000, Err(Rejection::Wrong));
        assert!(!format!("{:?}", shown(Some("one"), &one)).contains(&one), "a secret is never printed");
    }

    #[test]
    fn every_bit_of_a_hash_is_compared() {
        let a = hash("a");
        assert!(is_same(&a, &a));
        for bit in 0..256 {
            let mut b = a;
            b[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_same(&a, &b), "bit {bit}");
        }
    }

    #[test]
    fn secrets_are_256_bits_and_never_the_same() {
        let (one, hashed) = new_secret().unwrap();
        assert_eq!((one.len(), hash(&one)), (64, hashed));
        assert_ne!(one, new_secret().unwrap().0);
        // FIPS 180-4's example.
        assert!(to_hex(&hash("abc")).starts_with("ba7816bf8f01cfea414140de5dae2223"));
    }

    #[test]
    fn a_change_counts_at_the_next_look_and_damage_lets_nobody_in() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(TOKENS_FILE);
        let store = TokenStore::open(dir.path());
        assert!(store.is_empty());
        let secret = add(dir.path(), "one", Privilege::Modify, None);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
        let check = |expect: Result<(), &str>| {
            store.look();
            let got = store.check(&shown(Some("one"), &secret), NOW).map(|_| ()).map_err(|e| e.to_string());
            match expect {
                Ok(()) => assert_eq!(got, Ok(())),
                Err(words) => assert!(got.clone().is_err_and(|e| e.contains(words)), "{words}: {got:?}"),
            }
            assert_eq!(store.is_empty(), expect.is_err());
        };
        check(Ok(()));
        let good = std::fs::read(&file).unwrap();
        std::fs::write(&file, &good[..good.len() / 2]).unwrap();
        check(Err("no list of tokens"));
        assert!(store.problem().unwrap().contains("no list of tokens"));
        assert!(
            edit(dir.path(), |_| Ok(())).unwrap_err().to_string().contains("mend it"),
            "it is not overwritten"
        );
        assert_eq!(std::fs::read(&file).unwrap(), good[..good.len() / 2]);
        std::fs::write(&file, &good).unwrap();
        check(Ok(()));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        check(Ok(()));
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600, "closed again");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
        check(Err("others may write it"));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        check(Ok(()));
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        // The file itself is as it was, so this shows at the next start or change.
        assert!(TokenStore::open(dir.path()).is_empty());
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        edit(dir.path(), |tokens| Ok(tokens.revoke(&TokenId::of("one").unwrap()))).unwrap();
        store.look();
        assert_eq!(store.check(&shown(Some("one"), &secret), NOW), Err(Rejection::Unknown));
        std::fs::remove_file(&file).unwrap();
        store.look();
        assert!(store.is_empty() && store.problem().is_none());
    }

    #[test]
    fn a_change_that_fails_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        add(dir.path(), "one", Privilege::Audit, None);
        let before = std::fs::read(dir.path().join(TOKENS_FILE)).unwrap();
        let failed: anyhow::Result<()> = edit(dir.path(), |tokens| {
            tokens.revoke(&TokenId::of("one").unwrap());
            anyhow::bail!("no")
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read(dir.path().join(TOKENS_FILE)).unwrap(), before);
        let held = std::fs::File::open(dir.path().join(LOCK_FILE)).unwrap();
        flock(&held, FlockOperation::LockExclusive).unwrap();
        let busy = edit(dir.path(), |_| Ok(())).unwrap_err();
        assert!(busy.to_string().contains("try again"), "{busy}");
    }
}
