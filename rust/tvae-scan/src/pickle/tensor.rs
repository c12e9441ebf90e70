//! Tensors and storages in the forms that torch writes.

use super::arena::{Node, Run, Span, StorageData, TensorData};
use super::calls::Args;
use super::dtype::DType;
use super::form::number;
use super::known::Known;
use super::machine::{Halt, Machine};
use super::reader::narrow;
use super::value::{NodeId, TensorKind};
use super::{Safety, code};

impl Machine<'_> {
    /// BINPERSID: in torch's files, the reference to a storage.
    pub fn persistent(&mut self, pid: NodeId) -> Result<(), Halt> {
        let node = self.storage_of(pid)?.unwrap_or_else(|| {
            self.note(code::PERSISTENT, "a persistent id is no storage".into());
            Node::Persistent(pid)
        });
        self.push(node)
    }

    /// `('storage', class, key, location, numel)`, with a view as a sixth item in the files of old.
    fn storage_of(&mut self, pid: NodeId) -> Result<Option<Node>, Halt> {
        let Node::Tuple(run) = self.doc.node(pid) else { return Ok(None) };
        let args = self.args(run);
        let (&[kind, class, key, location, numel] | &[kind, class, key, location, numel, _]) = args.ids()
        else {
            return Ok(None);
        };
        let (Node::Text(kind), Node::Text(key), Node::Text(location), Node::Int(numel)) =
            (self.doc.node(kind), self.doc.node(key), self.doc.node(location), self.doc.node(numel))
        else {
            return Ok(None);
        };
        let Some((known, _)) = self.known(class).filter(|_| self.doc.bytes(kind) == b"storage") else {
            return Ok(None);
        };
        let untyped = known == Known::Storage(None);
        let dtype = match known {
            Known::Storage(dtype) => Some(dtype.unwrap_or(DType::UInt8)),
            _ => None,
        };
        let view = args.ids().get(5).copied().filter(|&view| self.doc.node(view) != Node::None);
        self.charge(3)?;
        let number = number(self.doc.bytes(key)).unwrap_or(u32::MAX);
        self.doc.storages.push(StorageData { key, number, location, dtype, numel, untyped, view });
        Ok(Some(Node::Storage(narrow(self.doc.storages.len() - 1))))
    }

    pub fn tensor_form(&mut self, known: Known, args: Args) -> Result<Option<Node>, Halt> {
        let data = match (known, args.ids()) {
            (Known::RebuildTensor, &[storage, offset, size, stride]) => {
                self.strided(storage, offset, size, stride)?
            }
            (Known::RebuildTensorV2, &[storage, offset, size, stride, grad, hooks]) => {
                let view = self.strided(storage, offset, size, stride)?;
                self.with_grad(view, grad, Some(hooks), None)
            }
            (Known::RebuildTensorV2, &[storage, offset, size, stride, grad, hooks, metadata]) => {
                let view = self.strided(storage, offset, size, stride)?;
                self.with_grad(view, grad, Some(hooks), Some(metadata))
            }
            (Known::RebuildTensorV3, &[storage, offset, size, stride, grad, hooks, dtype]) => {
                let view = self.strided(storage, offset, size, stride)?;
                self.with_grad(view, grad, Some(hooks), None).and_then(|view| self.with_dtype(view, dtype))
            }
            // More than eight arguments look like eight here.
            (Known::RebuildTensorV3, &[storage, offset, size, stride, grad, hooks, dtype, metadata])
                if args.run.len == 8 =>
            {
                let view = self.strided(storage, offset, size, stride)?;
                let view = self.with_grad(view, grad, Some(hooks), Some(metadata));
                view.and_then(|view| self.with_dtype(view, dtype))
            }
            (Known::RebuildParameter, &[data, grad, hooks]) => {
                let view = self.parameter(data);
                self.with_grad(view, grad, Some(hooks), None)
            }
            (Known::RebuildParameterWithState, &[data, grad, hooks, state]) => {
                let view = self.parameter(data);
                let view = self.with_grad(view, grad, Some(hooks), None);
                view.and_then(|view| self.with_attributes(view, state))
            }
            (Known::ParameterClass, &[data, grad]) => {
                let view = self.parameter(data);
                self.with_grad(view, grad, None, None)
            }
            (Known::RebuildQuantized, &[storage, offset, size, stride, quantizer, grad, hooks]) => {
                let view = self.strided(storage, offset, size, stride)?;
                let view = self.with_grad(view, grad, Some(hooks), None);
                match view.filter(|_| self.is_quantizer(quantizer)) {
                    Some(view) => {
                        let parts = self.parts(&[quantizer])?;
                        Some(TensorData { kind: TensorKind::Quantized, parts, ..view })
                    }
                    None => None,
                }
            }
            (Known::RebuildSparse, &[layout, data]) => self.sparse(layout, data)?,
            (Known::RebuildNested, &[buffer, sizes, strides, offsets]) => {
                let all = [buffer, sizes, strides, offsets];
                match self
                    .tensor_data(buffer)
                    .filter(|_| all.iter().all(|&id| self.tensor_data(id).is_some()))
                {
                    Some(buffer) => {
                        let (shape, parts) = (Run::default(), self.parts(&all)?);
                        let kind = TensorKind::Nested;
                        Some(TensorData { kind, shape, stride: shape, storage: None, parts, ..buffer })
                    }
                    None => None,
                }
            }
            (Known::RebuildMeta, &[dtype, size, stride, grad]) => {
                let (size, stride) = (self.dimensions(size)?, self.dimensions(stride)?);
                let view = size.zip(stride).map(|(shape, stride)| TensorData {
                    shape,
                    stride,
                    ..nothing(TensorKind::Meta)
                });
                let view = view.and_then(|view| self.with_dtype(view, dtype));
                self.with_grad(view, grad, None, None)
            }
            (Known::RebuildFromNumpy, &[array, dtype, device, grad]) => {
                self.numpy_tensor(array, dtype, device, grad)?
            }
            (Known::RebuildFromType, &[function, class, inner, state]) => {
                self.typed(function, class, inner, state)?
            }
            _ => None,
        };
        match data {
            Some(data) => {
                self.charge(6)?;
                self.doc.tensors.push(data);
                Ok(Some(Node::Tensor(narrow(self.doc.tensors.len() - 1))))
            }
            None => Ok(None),
        }
    }

    fn strided(
        &mut self,
        storage: NodeId,
        offset: NodeId,
        size: NodeId,
        stride: NodeId,
    ) -> Result<Option<TensorData>, Halt> {
        let (Node::Storage(at), Node::Int(offset)) = (self.doc.node(storage), self.doc.node(offset)) else {
            return Ok(None);
        };
        let Some(dtype) = self.doc.storages[at as usize].dtype else { return Ok(None) };
        let (Some(shape), Some(stride)) = (self.dimensions(size)?, self.dimensions(stride)?) else {
            return Ok(None);
        };
        let storage = Some(storage);
        Ok(Some(TensorData { dtype, shape, stride, offset, storage, ..nothing(TensorKind::Dense) }))
    }

    /// A tuple of integers, copied to the sizes of all tensors.
    pub fn dimensions(&mut self, id: NodeId) -> Result<Option<Run>, Halt> {
        let (Node::Tuple(run) | Node::Size(run)) = self.doc.node(id) else { return Ok(None) };
        self.charge(run.len as usize / 2)?;
        let start = self.doc.dims.len();
        for at in run.start..run.start + run.len {
            let Node::Int(size) = self.doc.node(self.doc.items[at as usize]) else {
                self.doc.dims.truncate(start);
                return Ok(None);
            };
            self.doc.dims.push(size);
        }
        Ok(Some(Run { start: narrow(start), len: run.len }))
    }

    fn tensor_data(&self, id: NodeId) -> Option<TensorData> {
        match self.doc.node(id) {
            Node::Tensor(at) => Some(self.doc.tensors[at as usize]),
            _ => None,
        }
    }

    fn parameter(&self, id: NodeId) -> Option<TensorData> {
        self.tensor_data(id).map(|data| TensorData { is_parameter: true, ..data })
    }

    fn with_grad(
        &mut self,
        view: Option<TensorData>,
        grad: NodeId,
        hooks: Option<NodeId>,
        metadata: Option<NodeId>,
    ) -> Option<TensorData> {
        let view = view?;
        let Node::Bool(requires_grad) = self.doc.node(grad) else { return None };
        match hooks.map(|id| self.doc.node(id)) {
            None | Some(Node::None) => {}
            Some(Node::Dict(at)) if self.doc.dict(at).pairs.is_empty() => {}
            Some(Node::Dict(_)) => {
                self.raise(Safety::UnknownCode);
                self.note(code::FORM, "a tensor has hooks, which run in the backward pass".into());
            }
            Some(_) => return None,
        }
        let attributes = match metadata {
            None => None,
            Some(id) => match self.doc.node(id) {
                Node::None => None,
                Node::Dict(at) => {
                    let flag = |&(key, value): &(NodeId, NodeId)| {
                        matches!((self.doc.node(key), self.doc.node(value)), (Node::Text(_), Node::Bool(_)))
                    };
                    let pairs = self.doc.dict(at).pairs;
                    if !pairs.iter().all(flag) {
                        return None;
                    }
                    Some(id).filter(|_| !pairs.is_empty())
                }
                _ => return None,
            },
        };
        Some(TensorData { requires_grad, attributes: attributes.or(view.attributes), ..view })
    }

    fn with_dtype(&self, view: TensorData, dtype: NodeId) -> Option<TensorData> {
        match self.known(dtype)?.0 {
            Known::TorchType(dtype) => Some(TensorData { dtype, ..view }),
            _ => None,
        }
    }

    /// Attributes are a dictionary by name, or nothing.
    fn with_attributes(&self, view: TensorData, state: NodeId) -> Option<TensorData> {
        match self.doc.node(state) {
            Node::None => Some(view),
            Node::Dict(at) => {
                let named = self.doc.dict(at).pairs.iter().all(|pair| self.doc.as_text(pair.0).is_some());
                named.then_some(TensorData { attributes: Some(state), ..view })
            }
            _ => None,
        }
    }

    /// `(scheme, scale, zero point)`, or `(scheme, scales, zero points, axis)` per channel.
    fn is_quantizer(&self, id: NodeId) -> bool {
        let Node::Tuple(run) = self.doc.node(id) else { return false };
        match *self.doc.run(run) {
            [scheme, scale, zero] => {
                self.is_constant(scheme)
                    && matches!((self.doc.node(scale), self.doc.node(zero)), (Node::Float(_), Node::Int(_)))
            }
            [scheme, scales, zeros, axis] => {
                self.is_constant(scheme)
                    && self.tensor_data(scales).is_some()
                    && self.tensor_data(zeros).is_some()
                    && matches!(self.doc.node(axis), Node::Int(_))
            }
            _ => false,
        }
    }

    fn is_constant(&self, id: NodeId) -> bool {
        self.known(id).is_some_and(|known| known.0 == Known::Constant)
    }

    /// COO is `(indices, values, size)`, from 2.1 on with a flag; the others have two index tensors.
    fn sparse(&mut self, layout: NodeId, data: NodeId) -> Result<Option<TensorData>, Halt> {
        let is_layout = self.is_constant(layout) || matches!(self.doc.node(layout), Node::Object(_));
        let Node::Tuple(run) = self.doc.node(data) else { return Ok(None) };
        let args = self.args(run);
        let (tensors, size) = match *args.ids() {
            [indices, values, size] => (&[indices, values][..], size),
            [indices, values, size, flag] if matches!(self.doc.node(flag), Node::Bool(_)) => {
                (&[indices, values][..], size)
            }
            [compressed, plain, values, size] => (&[compressed, plain, values][..], size),
            _ => return Ok(None),
        };
        let values = tensors.last().and_then(|&id| self.tensor_data(id));
        let all = is_layout && tensors.iter().all(|&id| self.tensor_data(id).is_some());
        let (Some(values), Some(shape)) = (values.filter(|_| all), self.dimensions(size)?) else {
            return Ok(None);
        };
        let parts = self.parts(tensors)?;
        let requires_grad = values.requires_grad;
        Ok(Some(TensorData {
            dtype: values.dtype,
            shape,
            parts,
            requires_grad,
            ..nothing(TensorKind::Sparse)
        }))
    }

    fn numpy_tensor(
        &mut self,
        array: NodeId,
        dtype: NodeId,
        device: NodeId,
        grad: NodeId,
    ) -> Result<Option<TensorData>, Halt> {
        let (Node::Array(at), Node::Text(_)) = (self.doc.node(array), self.doc.node(device)) else {
            return Ok(None);
        };
        let shape = self.doc.arrays[at as usize].shape;
        let parts = self.parts(&[array])?;
        let view = self.with_dtype(TensorData { shape, parts, ..nothing(TensorKind::Numpy) }, dtype);
        Ok(self.with_grad(view, grad, None, None))
    }

    /// `_rebuild_from_type_v2(function, class, arguments, state)` calls the function: only a known one will do.
    fn typed(
        &mut self,
        function: NodeId,
        class: NodeId,
        inner: NodeId,
        state: NodeId,
    ) -> Result<Option<TensorData>, Halt> {
        let function = self.known(function).map_or(Known::Unknown, |known| known.0);
        let class = self.known(class).map_or(Known::Unknown, |known| known.0);
        let rebuilds = matches!(
            function,
            Known::RebuildTensor
                | Known::RebuildTensorV2
                | Known::RebuildTensorV3
                | Known::RebuildParameter
                | Known::RebuildQuantized
                | Known::RebuildSparse
                | Known::RebuildNested
                | Known::RebuildMeta
        );
        let Node::Tuple(run) = self.doc.node(inner) else { return Ok(None) };
        if !rebuilds || !matches!(class, Known::TensorClass | Known::ParameterClass) {
            return Ok(None);
        }
        // The function is none that comes back here, so this is the only step down.
        let args = self.args(run);
        self.charge_all(args)?;
        let Some(Node::Tensor(at)) = self.tensor_form(function, args)? else { return Ok(None) };
        let mut view = self.doc.tensors[at as usize];
        view.is_parameter |= class == Known::ParameterClass;
        Ok(self.with_attributes(view, state))
    }

    fn parts(&mut self, ids: &[NodeId]) -> Result<Run, Halt> {
        self.charge(ids.len())?;
        let start = narrow(self.doc.items.len());
        self.doc.items.extend_from_slice(ids);
        Ok(Run { start, len: narrow(ids.len()) })
    }

    /// The text of a value, for forms that need one.
    pub fn text_of(&self, id: NodeId) -> Option<Span> {
        match self.doc.node(id) {
            Node::Text(span) => Some(span),
            _ => None,
        }
    }
}

fn nothing(kind: TensorKind) -> TensorData {
    let run = Run::default();
    TensorData {
        kind,
        dtype: DType::Float32,
        requires_grad: false,
        is_parameter: false,
        shape: run,
        stride: run,
        offset: 0,
        storage: None,
        parts: run,
        attributes: None,
    }
}
