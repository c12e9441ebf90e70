//! What the stream calls. Nothing is called: a known form becomes its value, all else a record of the call.

use super::arena::{Node, ObjectData, Run};
use super::known::Known;
use super::machine::{Halt, Machine};
use super::reader::narrow;
use super::value::{DictKind, NodeId, ObjectKind};
use super::{Safety, code, text};

/// The first arguments of a call, apart from the arena that they came from. No known form has more, except
/// those that take any number and use `run`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Args {
    ids: [NodeId; 8],
    pub run: Run,
}

impl Args {
    /// The arguments; of more than eight only eight, which matches no form.
    pub fn ids(&self) -> &[NodeId] {
        &self.ids[..self.ids.len().min(self.run.len as usize)]
    }
}

impl Machine<'_> {
    pub fn args(&self, run: Run) -> Args {
        let mut ids = [NodeId(0); 8];
        self.doc.run(run).iter().zip(&mut ids).for_each(|(&from, to)| *to = from);
        Args { ids, run }
    }

    /// The arguments of REDUCE and NEWOBJ, which must be a tuple.
    pub fn arguments(&mut self, id: NodeId) -> Run {
        if let Node::Tuple(run) | Node::Size(run) = self.doc.node(id) {
            return run;
        }
        self.fault(code::TYPE, "the arguments of a call are no tuple".into());
        Run::default()
    }

    /// A call `callee(*args)`: its value goes on the stack.
    pub fn call(&mut self, callee: NodeId, args: Run) -> Result<(), Halt> {
        let Some((known, import)) = self.known(callee) else {
            self.raise(Safety::UnknownCode);
            self.note(code::CALLEE, "calls a value that is no imported name".into());
            if !matches!(self.doc.node(callee), Node::Object(_) | Node::Persistent(_)) {
                self.fault(code::TYPE, "calls a value that cannot be called".into());
            }
            return self.opaque(callee, args, None);
        };
        self.alarm(callee, args);
        let args_ids = self.args(args);
        if known == Known::LoadFromBytes {
            return self.load_from_bytes(callee, import, args_ids);
        }
        match self.form(known, callee, args_ids)? {
            Some(node) => self.push(node),
            None => self.misused(known, import, callee, args, None),
        }
    }

    /// `class.__new__(class, *args, **kwargs)`: its value goes on the stack.
    pub fn instantiate(&mut self, class: NodeId, args: Run, kwargs: Option<NodeId>) -> Result<(), Halt> {
        let Some((known, import)) = self.known(class) else {
            self.raise(Safety::UnknownCode);
            self.note(code::CALLEE, "instantiates a value that is no imported name".into());
            return self.opaque(class, args, kwargs);
        };
        self.alarm(class, args);
        // `__new__` alone does what the call does only for classes without state of their own.
        let alike =
            args.len == 0 || matches!(known, Known::Version | Known::Size | Known::Decimal | Known::Range);
        let named = kwargs.is_some_and(
            |id| !matches!(self.doc.node(id), Node::Dict(at) if self.doc.dict(at).pairs.is_empty()),
        );
        if alike && !named && is_class(known) {
            let args = self.args(args);
            if let Some(node) = self.form(known, class, args)? {
                return self.push(node);
            }
        }
        self.misused(known, import, class, args, kwargs)
    }

    /// The value of a known callable in its known form, None if the form is another.
    pub fn form(&mut self, known: Known, callee: NodeId, args: Args) -> Result<Option<Node>, Halt> {
        use Known as K;
        self.charge_all(args)?;
        match known {
            K::Unknown
            | K::Constant
            | K::TorchType(_)
            | K::NumpyArray
            | K::LoadFromBytes
            | K::TensorClass => Ok(None),
            K::RebuildTensor
            | K::RebuildTensorV2
            | K::RebuildTensorV3
            | K::RebuildParameter
            | K::RebuildParameterWithState
            | K::RebuildQuantized
            | K::RebuildSparse
            | K::RebuildNested
            | K::RebuildMeta
            | K::RebuildFromType
            | K::RebuildFromNumpy
            | K::ParameterClass => self.tensor_form(known, args),
            K::NumpyScalar | K::NumpyReconstruct | K::NumpyType | K::NumpyFromBuffer => {
                self.numpy_form(known, args)
            }
            K::Storage(_)
            | K::Class
            | K::ObjectClass
            | K::ListClass
            | K::DictClass
            | K::OrderedDict
            | K::DefaultDict
            | K::Counter
            | K::Set
            | K::FrozenSet
            | K::Bytes
            | K::ByteArray
            | K::Complex
            | K::Encode
            | K::Size => self.plain_form(known, args),
            _ => self.object_form(known, callee, args),
        }
    }

    /// Counts the work of reading arguments: a stream can give the same long one to any number of calls.
    pub fn charge_all(&mut self, args: Args) -> Result<(), Halt> {
        args.ids().iter().try_for_each(|&id| self.charge_one(id))
    }

    fn charge_one(&mut self, id: NodeId) -> Result<(), Halt> {
        self.charge(match self.doc.node(id) {
            Node::Text(span) | Node::Bytes(span) => span.len as usize / 64,
            Node::Tuple(run) | Node::Size(run) => run.len as usize / 8,
            Node::Dict(at) => self.doc.dict(at).pairs.len() / 4,
            _ => 0,
        })
    }

    /// A call whose form is not known, of a name that may be.
    fn misused(
        &mut self,
        known: Known,
        import: u32,
        callee: NodeId,
        args: Run,
        kwargs: Option<NodeId>,
    ) -> Result<(), Halt> {
        if known != Known::Unknown {
            self.worsen(import, Safety::UnknownCode);
            if self.wants(code::FORM) {
                let what = self.spell(callee, args);
                self.note(code::FORM, format!("calls {what}, which is no known form"));
            }
        }
        self.opaque(callee, args, kwargs)
    }

    fn opaque(&mut self, class: NodeId, args: Run, kwargs: Option<NodeId>) -> Result<(), Halt> {
        let data = ObjectData { kwargs, ..ObjectData::new(ObjectKind::Opaque, class, args) };
        let node = self.new_object(data)?;
        self.push(node)
    }

    pub fn new_object(&mut self, data: ObjectData) -> Result<Node, Halt> {
        self.charge(8)?;
        self.doc.objects.push(data);
        Ok(Node::Object(narrow(self.doc.objects.len() - 1)))
    }

    /// Says what a dangerous name is called with, and looks into a pickle among its arguments.
    fn alarm(&mut self, callee: NodeId, args: Run) {
        let Some((_, import)) = self.known(callee) else { return };
        if self.imports.get(import as usize).is_none_or(|import| import.class != Safety::Dangerous) {
            return;
        }
        if self.wants(code::DANGEROUS) {
            let what = self.spell(callee, args);
            self.note(code::DANGEROUS, format!("calls {what}"));
        }
        let first = self.doc.run(args).first().map(|&id| self.doc.node(id));
        if let Some(Node::Bytes(span) | Node::ByteArray(span)) = first
            && self.doc.bytes(span).first() == Some(&0x80)
        {
            // It is dangerous already; this is only for the list of imports.
            let _ = self.nested(span);
        }
    }

    /// A call as one would write it, cut short and with control characters escaped.
    fn spell(&self, callee: NodeId, args: Run) -> String {
        let limit = self.budget.text;
        let mut call = match self.doc.node(callee) {
            Node::Global(at) => {
                let global = self.doc.globals[at as usize];
                let (module, name) = (self.doc.text(global.module), self.doc.text(global.name));
                format!("{}.{}", text::brief(module, limit), text::brief(name, limit))
            }
            _ => "a value".to_owned(),
        };
        call.push('(');
        for (at, &id) in self.doc.run(args).iter().enumerate() {
            call.push_str(if at > 0 { ", " } else { "" });
            if at == 3 || call.len() > limit {
                call.push('…');
                break;
            }
            let word = match self.doc.node(id) {
                Node::None => "None".to_owned(),
                Node::Bool(value) => if value { "True" } else { "False" }.to_owned(),
                Node::Int(value) => value.to_string(),
                Node::Float(value) => value.to_string(),
                Node::Text(span) => format!("'{}'", text::brief(self.doc.text(span), limit)),
                Node::Bytes(span) => format!("{} bytes", span.len),
                _ => "…".to_owned(),
            };
            call.push_str(&word);
        }
        call + ")"
    }

    /// `torch.storage._load_from_bytes`: a whole legacy file, of pickles only where the storage is empty.
    fn load_from_bytes(&mut self, callee: NodeId, import: u32, args: Args) -> Result<(), Halt> {
        let span = match args.ids() {
            [only] => match self.doc.node(*only) {
                Node::Bytes(span) | Node::ByteArray(span) => Some(span),
                _ => None,
            },
            _ => None,
        };
        let verdict = match span {
            Some(span) => self.nested(span)?.unwrap_or(Safety::UnknownCode),
            None => Safety::UnknownCode,
        };
        self.worsen(import, verdict);
        self.opaque(callee, args.run, None)
    }

    /// BUILD: state for the value on top of the stack.
    pub fn build(&mut self, target: NodeId, state: NodeId) -> Result<(), Halt> {
        self.charge_one(state)?;
        match self.doc.node(target) {
            Node::NumpyType(at) => {
                let done = self.build_numpy_type(at, state);
                self.built(done, Known::NumpyType)?;
            }
            Node::Array(at) => {
                let done = self.build_array(at, state)?;
                self.built(done, Known::NumpyReconstruct)?;
            }
            Node::Object(at) => self.build_object(at, state)?,
            Node::Dict(at) => self.build_dict(target, at, state)?,
            Node::Global(_) => {
                self.raise(Safety::Dangerous);
                self.note(code::DANGEROUS, "sets attributes on an imported name".into());
            }
            // A bare None changes nothing on any other value.
            _ if self.doc.node(state) == Node::None => {}
            _ => {
                self.raise(Safety::UnknownCode);
                self.note(code::FORM, "gives a state to a value that has none".into());
            }
        }
        Ok(())
    }

    fn built(&mut self, done: bool, known: Known) -> Result<(), Halt> {
        if done { Ok(()) } else { self.misbuilt(known) }
    }

    fn misbuilt(&mut self, known: Known) -> Result<(), Halt> {
        self.charge(self.doc.globals.len() / 4)?;
        self.raise(Safety::UnknownCode);
        let imports =
            self.doc.globals.iter().filter(|global| global.known == known).map(|global| global.import);
        let imports: Vec<u32> = imports.collect();
        for import in imports {
            self.worsen(import, Safety::UnknownCode);
        }
        self.note(code::FORM, "gives a known type a state of another form".into());
        Ok(())
    }

    /// torch keeps the versions of modules as `_metadata` on the ordered dictionary of a state dict.
    fn build_dict(&mut self, target: NodeId, at: u32, state: NodeId) -> Result<(), Halt> {
        let kind = self.doc.dict_kind(at);
        let attributes = self.attribute_names(state);
        let Some(torch) = attributes.filter(|_| kind != DictKind::Plain) else {
            let known = match kind {
                DictKind::Plain => Known::DictClass,
                DictKind::Ordered => Known::OrderedDict,
                DictKind::Default => Known::DefaultDict,
                DictKind::Counter => Known::Counter,
            };
            return self.misbuilt(known);
        };
        if !torch {
            self.note(code::ATTRIBUTES, "a dictionary has attributes of its own".into());
        }
        let at = self.dict_at(target)?;
        self.doc.dicts[at as usize].attributes = Some(state);
        Ok(())
    }

    /// Whether a state is a dictionary with names as keys, and then whether `_metadata` is the only one.
    fn attribute_names(&self, state: NodeId) -> Option<bool> {
        let Node::Dict(at) = self.doc.node(state) else { return None };
        let pairs = self.doc.dict(at).pairs;
        let names = pairs.iter().map(|pair| self.doc.as_text(pair.0));
        names.collect::<Option<Vec<_>>>().map(|names| names.iter().all(|&name| name == "_metadata"))
    }

    fn build_object(&mut self, at: u32, state: NodeId) -> Result<(), Halt> {
        let (kind, class) = (self.doc.objects[at as usize].kind, self.doc.objects[at as usize].class);
        let known = self.known(class).map(|known| known.0);
        let fine = match kind {
            ObjectKind::Opaque => known.is_none_or(|known| matches!(known, Known::Unknown)),
            ObjectKind::Namespace => self.attribute_names(state).is_some(),
            ObjectKind::Uuid => self.build_uuid(at, state),
            _ => false,
        };
        if !fine {
            self.misbuilt(known.unwrap_or(Known::Unknown))?;
        }
        let pair = match self.doc.node(state) {
            Node::Tuple(run) => match *self.doc.run(run) {
                [state, slots] if matches!(self.doc.node(slots), Node::Dict(_)) => Some((state, slots)),
                _ => None,
            },
            _ => None,
        };
        let data = &mut self.doc.objects[at as usize];
        (data.state, data.slots) =
            pair.map_or((Some(state), None), |(state, slots)| (Some(state), Some(slots)));
        Ok(())
    }
}

/// What a class is, as opposed to a function, which has nothing that NEWOBJ could call.
fn is_class(known: Known) -> bool {
    use Known as K;
    matches!(
        known,
        K::OrderedDict
            | K::DefaultDict
            | K::Counter
            | K::Deque
            | K::Set
            | K::FrozenSet
            | K::Bytes
            | K::ByteArray
            | K::Uuid
            | K::Namespace
            | K::Version
            | K::Size
            | K::Decimal
            | K::Range
            | K::ListClass
            | K::DictClass
    )
}
