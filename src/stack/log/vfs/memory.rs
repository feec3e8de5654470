//! A disk in memory that knows what is durable: it can be killed, cut from power and made to fail.
//!
//! The model is harsher than file systems are. Bytes that were not synced may be there in part, torn in the
//! middle, or as zeros. Names that were made or removed in a folder since it was last synced may be there up
//! to any of them, and each file and each folder stands for itself: what was done later elsewhere may survive
//! what was done before here. A rename replaces in one step; the old name goes on its own.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Component, Path};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Appender, Reader, Vfs};

/// What stands on the disk, and what of it is durable. States that follow one another share what did not change:
/// a test holds hundreds of thousands of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    files: Vec<Arc<File>>,
    /// The first is the root.
    dirs: Vec<Arc<Dir>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct File {
    bytes: Vec<u8>,
    synced: usize,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Dir {
    names: BTreeMap<String, Node>,
    durable: BTreeMap<String, Node>,
    /// What was done since the last sync: a name and what it then meant.
    pending: Vec<(String, Option<Node>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Node {
    File(usize),
    Dir(usize),
}

/// What happens to the operation that is to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It fails with this error and has done nothing.
    Lost(ErrorKind),
    /// It fails with this error and was done, as far as the page cache shows.
    Done(ErrorKind),
}

/// Operations that change a disk, one by one: the state before each, and what the probe said of it.
pub(crate) type History<T> = Vec<(State, T)>;

type Probe = Box<dyn FnMut(&State) + Send>;

/// The disk. Clones are the same disk.
#[derive(Clone)]
pub(crate) struct MemoryDisk(Arc<Mutex<Inner>>);

struct Inner {
    state: State,
    locked: bool,
    operations: usize,
    fault: Option<(usize, Fault)>,
    /// Is shown the state before every change.
    probe: Option<Probe>,
}

impl fmt::Debug for MemoryDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryDisk")
    }
}

impl State {
    /// An empty disk.
    pub(crate) fn empty() -> Self {
        Self { files: Vec::new(), dirs: vec![Arc::default()] }
    }

    /// Everything that may stand on the disk after the power was cut.
    pub(crate) fn after_power_cut(&self) -> Vec<Self> {
        let mut states = vec![self.clone()];
        for (at, file) in self.files.iter().enumerate().filter(|(_, file)| file.synced < file.bytes.len()) {
            let outcomes = file.after_power_cut();
            states = product(&states, &outcomes, |state, file| {
                state.files[at] = Arc::clone(file);
            });
        }
        for (at, dir) in self.dirs.iter().enumerate().filter(|(_, dir)| !dir.pending.is_empty()) {
            let outcomes = dir.after_power_cut();
            states = product(&states, &outcomes, |state, dir| {
                state.dirs[at] = Arc::clone(dir);
            });
        }
        states.into_iter().map(|state| state.reachable()).collect()
    }

    /// The same without what no name leads to, numbered in the order of names: equal disks are equal.
    fn reachable(&self) -> Self {
        let mut new = Self::empty();
        let mut files = BTreeMap::new();
        self.copy_dir(0, 0, &mut new, &mut files);
        new
    }

    fn copy_dir(&self, from: usize, to: usize, new: &mut Self, files: &mut BTreeMap<usize, usize>) {
        for (name, node) in &self.dirs[from].names {
            let node = match *node {
                Node::File(file) => Node::File(*files.entry(file).or_insert_with(|| {
                    new.files.push(Arc::clone(&self.files[file]));
                    new.files.len() - 1
                })),
                Node::Dir(dir) => {
                    new.dirs.push(Arc::default());
                    let made = new.dirs.len() - 1;
                    self.copy_dir(dir, made, new, files);
                    Node::Dir(made)
                }
            };
            let dir = Arc::make_mut(&mut new.dirs[to]);
            dir.names.insert(name.clone(), node);
            dir.durable.insert(name.clone(), node);
        }
    }

    fn node(&self, path: &Path) -> io::Result<Node> {
        let mut node = Node::Dir(0);
        for part in path.components() {
            let Component::Normal(name) = part else { continue };
            let Node::Dir(dir) = node else { return Err(ErrorKind::NotADirectory.into()) };
            let name = name.to_string_lossy();
            node = *self.dirs[dir].names.get(name.as_ref()).ok_or(ErrorKind::NotFound)?;
        }
        Ok(node)
    }

    fn dir(&self, path: &Path) -> io::Result<usize> {
        match self.node(path)? {
            Node::Dir(dir) => Ok(dir),
            Node::File(_) => Err(ErrorKind::NotADirectory.into()),
        }
    }

    fn file(&self, path: &Path) -> io::Result<usize> {
        match self.node(path)? {
            Node::File(file) => Ok(file),
            Node::Dir(_) => Err(ErrorKind::IsADirectory.into()),
        }
    }

    /// Gives a name a meaning, or takes it away.
    fn name(&mut self, path: &Path, node: Option<Node>) -> io::Result<()> {
        let dir = self.dir(path.parent().ok_or(ErrorKind::InvalidInput)?)?;
        let name = path.file_name().ok_or(ErrorKind::InvalidInput)?.to_string_lossy().into_owned();
        let dir = Arc::make_mut(&mut self.dirs[dir]);
        apply(&mut dir.names, &name, node);
        dir.pending.push((name, node));
        Ok(())
    }

    fn absent(&self, path: &Path) -> io::Result<()> {
        match self.node(path) {
            Ok(_) => Err(ErrorKind::AlreadyExists.into()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl File {
    /// Nothing of what was not synced, part of it, all, or its length without its bytes.
    fn after_power_cut(&self) -> Vec<Arc<Self>> {
        let (synced, all) = (self.synced, self.bytes.len());
        let mut outcomes: Vec<_> =
            [synced, synced + 1, synced.midpoint(all), all - 1, all].map(|end| self.bytes[..end].to_vec()).into();
        let mut zeros = self.bytes.clone();
        zeros[synced..].fill(0);
        let mut torn = self.bytes.clone();
        torn[synced..synced.midpoint(all)].fill(0);
        outcomes.extend([zeros, torn]);
        outcomes.sort();
        outcomes.dedup();
        outcomes.into_iter().map(|bytes| Arc::new(Self { synced: bytes.len(), bytes })).collect()
    }
}

impl Dir {
    fn after_power_cut(&self) -> Vec<Arc<Self>> {
        let mut names = self.durable.clone();
        let mut outcomes = vec![names.clone()];
        for (name, node) in &self.pending {
            apply(&mut names, name, *node);
            outcomes.push(names.clone());
        }
        outcomes.sort();
        outcomes.dedup();
        let settled = |names: BTreeMap<_, _>| Self { durable: names.clone(), names, pending: Vec::new() };
        outcomes.into_iter().map(|names| Arc::new(settled(names))).collect()
    }
}

fn apply(names: &mut BTreeMap<String, Node>, name: &str, node: Option<Node>) {
    match node {
        Some(node) => names.insert(name.to_owned(), node),
        None => names.remove(name),
    };
}

fn product<T>(states: &[State], outcomes: &[T], set: impl Fn(&mut State, &T)) -> Vec<State> {
    let mut all = Vec::with_capacity(states.len() * outcomes.len());
    for state in states {
        for outcome in outcomes {
            let mut state = state.clone();
            set(&mut state, outcome);
            all.push(state);
        }
    }
    all
}

impl MemoryDisk {
    /// A disk on which this stands.
    pub(crate) fn new(state: State) -> Self {
        Self(Arc::new(Mutex::new(Inner { state, locked: false, operations: 0, fault: None, probe: None })))
    }

    /// Fails one operation, counted from now.
    pub(crate) fn fail(&self, operation: usize, fault: Fault) {
        let mut inner = self.inner();
        inner.fault = Some((inner.operations + operation, fault));
    }

    /// Shows the state before every change to `probe`, from now on.
    pub(crate) fn watch(&self, probe: impl FnMut(&State) + Send + 'static) {
        self.inner().probe = Some(Box::new(probe));
    }

    /// What stands on it now.
    pub(crate) fn state(&self) -> State {
        self.inner().state.clone()
    }

    /// Changes made or tried so far.
    pub(crate) fn operations(&self) -> usize {
        self.inner().operations
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut inner = self.inner();
        if let Some(mut probe) = inner.probe.take() {
            probe(&inner.state);
            inner.probe = Some(probe);
        }
        let operation = inner.operations;
        inner.operations += 1;
        match inner.fault {
            Some((at, Fault::Lost(kind))) if at == operation => Err(kind.into()),
            Some((at, Fault::Done(kind))) if at == operation => change(&mut inner.state).and(Err(kind.into())),
            _ => change(&mut inner.state),
        }
    }
}

impl Vfs for MemoryDisk {
    fn lock(&self, _path: &Path) -> io::Result<Box<dyn Send>> {
        let mut inner = self.inner();
        if inner.locked {
            return Err(ErrorKind::WouldBlock.into());
        }
        inner.locked = true;
        Ok(Box::new(Held(self.clone())))
    }
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let inner = self.inner();
        Ok(inner.state.files[inner.state.file(path)?].bytes.clone())
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn Reader>> {
        let file = self.inner().state.file(path)?;
        Ok(Box::new(Open { disk: self.clone(), file }))
    }
    fn names(&self, dir: &Path) -> io::Result<Vec<String>> {
        let inner = self.inner();
        Ok(inner.state.dirs[inner.state.dir(dir)?].names.keys().cloned().collect())
    }
    fn create(&self, path: &Path) -> io::Result<Box<dyn Appender>> {
        let file = self.change(|state| {
            state.absent(path)?;
            state.files.push(Arc::default());
            let file = state.files.len() - 1;
            state.name(path, Some(Node::File(file)))?;
            Ok(file)
        })?;
        Ok(Box::new(Open { disk: self.clone(), file }))
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.change(|state| {
            state.absent(path)?;
            state.dirs.push(Arc::default());
            let dir = state.dirs.len() - 1;
            state.name(path, Some(Node::Dir(dir)))
        })
    }
    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(|state| {
            let file = state.file(from)?;
            state.absent(to)?;
            state.name(to, Some(Node::File(file)))
        })
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(|state| {
            let file = state.file(from)?;
            state.name(to, Some(Node::File(file)))?;
            state.name(from, None)
        })
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.change(|state| {
            state.file(path)?;
            state.name(path, None)
        })
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.change(|state| {
            let dir = state.dir(dir)?;
            let dir = Arc::make_mut(&mut state.dirs[dir]);
            dir.durable = dir.names.clone();
            dir.pending.clear();
            Ok(())
        })
    }
}

struct Held(MemoryDisk);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.inner().locked = false;
    }
}

#[derive(Debug)]
struct Open {
    disk: MemoryDisk,
    file: usize,
}

impl Appender for Open {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.disk.change(|state| {
            Arc::make_mut(&mut state.files[self.file]).bytes.extend_from_slice(bytes);
            Ok(())
        })
    }
    fn sync(&mut self) -> io::Result<()> {
        self.disk.change(|state| {
            let file = Arc::make_mut(&mut state.files[self.file]);
            file.synced = file.bytes.len();
            Ok(())
        })
    }
}

impl Reader for Open {
    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.inner().state.files[self.file].bytes.len() as u64)
    }
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let inner = self.disk.inner();
        let at = usize::try_from(offset).map_err(|_| ErrorKind::UnexpectedEof)?;
        let there = inner.state.files[self.file].bytes.get(at..at + bytes.len());
        bytes.copy_from_slice(there.ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}
