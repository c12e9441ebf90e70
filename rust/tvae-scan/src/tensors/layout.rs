//! Whose weights a state dict holds, by the names and shapes of its tensors.
//!
//! A layout is a name and what sets it apart, in this order: `v5.5` `v5.5 flat` `v5.11` `v5.12 improved`; `statenet`;
//! `single` (one projection for both branches), `dual`, `shared` (dual with one direction); `nN` (N hidden layers in a
//! projection); `dropout` (the indices of the projection are shifted by its dropout); `ball` (a curvature was saved
//! with it); `controller`. Plain models of v5.12 have the layout of v5.11: no tensor tells them apart. Others are
//! `tvae`, `codon VAE`, `amino-acid VAE`, `codon encoder`, `controller`, and `resistance VAE` with the drug class.

use super::Tensor;
use crate::record::StateDict;
use crate::value::Word;

/// Keys at the top of files of an experiment whose models have the layout of v5.5.
const EXPERIMENTS: [(&[&str], &str); 2] = [
    (&["appetitive_phase", "appetite_weights"], "appetitive"),
    (&["addition_accuracy_history", "self_model_quality"], "purposeful"),
];
/// Keys of state dicts that name what no tensor tells.
const KEYS: [(&str, &str); 2] =
    [("soft_proj_state_dict", "soft projection"), ("snap_state_dict", "radial snap")];
/// Widths of the inputs of the drug-resistance models: positions times 22.
const RESISTANCE: [(u64, &str); 3] =
    [(5280, "resistance VAE NRTI"), (6996, "resistance VAE NNRTI"), (2178, "resistance VAE PI")];

/// The layout of the tensors whose names begin with `prefix`, if it is a known one.
pub(crate) fn layout(prefix: &str, tensors: &[&Tensor]) -> Option<Word> {
    let mut seen = Seen::default();
    for tensor in tensors {
        let Some(name) = tensor.name.strip_prefix(prefix) else { continue };
        let matrix =
            if let &[rows, columns] = tensor.shape.as_slice() { Some((rows, columns)) } else { None };
        seen.see(name.as_bytes(), matrix);
    }
    seen.layout()
}

/// Names the experiment of a file by its keys at the top, and what a key of a state dict alone tells.
pub(crate) fn add_experiment(top_keys: &[Word], state_dicts: &mut [StateDict]) {
    let told = |keys: &[&str]| top_keys.iter().any(|key| keys.contains(&&**key));
    let experiment = EXPERIMENTS.iter().find(|(keys, _)| told(keys)).map(|(_, name)| *name);
    for one in state_dicts {
        match (&one.layout, experiment) {
            (Some(layout), Some(experiment)) if layout.starts_with("v5.5") => {
                one.layout = Some(format!("{layout} {experiment}").into());
            }
            (None, _) => {
                one.layout = KEYS.iter().find(|(key, _)| *key == one.key).map(|(_, name)| (*name).into());
            }
            _ => {}
        }
    }
}

/// What the names and shapes of a state dict showed.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // each is one thing that was seen
pub(crate) struct Seen {
    flat_encoder: bool,
    flat_head: bool,
    plain: bool,
    improved: bool,
    statenet: bool,
    proj_a: bool,
    proj_b_radius: bool,
    single: bool,
    /// Weight matrices of one direction net, less the last.
    hidden: u32,
    direction_3: bool,
    direction_4: bool,
    ball: bool,
    controller: bool,
    controller_in: bool,
    controller_out: bool,
    ours: bool,
    ours_a: bool,
    ours_b: bool,
    ours_projection: bool,
    /// Rows of an embedding of 16 columns.
    alphabet: u64,
    unified: bool,
    codons: bool,
    codons_out: bool,
    input: u64,
}

impl Seen {
    /// Takes in a tensor by its name within the state dict, and its rows and columns if it is a matrix. Nothing is
    /// allocated.
    pub(crate) fn see(&mut self, name: &[u8], matrix: Option<(u64, u64)>) {
        // What DistributedDataParallel and torch.compile put before every name.
        let name = name.strip_prefix(b"module.").unwrap_or(name);
        let name = name.strip_prefix(b"_orig_mod.").unwrap_or(name);
        let Some((head, rest)) = split(name) else { return };
        match head {
            b"encoder_A" => match rest {
                b"encoder.4.weight" => {
                    self.improved |= matrix == Some((128, 256));
                    self.plain |= matrix != Some((128, 256));
                }
                b"0.weight" => self.flat_encoder = true,
                _ => {}
            },
            b"fc_mu_A" => self.flat_head = true,
            b"projection" => self.projection(rest, matrix),
            b"controller" => self.controller = true,
            b"decoder" => self.ours |= rest == b"logits.weight",
            b"encoder" => {
                self.unified |= rest == b"0.weight" && matrix == Some((128, 1600));
                if let Some((256, width)) = matrix {
                    self.input = self.input.max(width);
                }
                self.ours_a |= rest.starts_with(b"A.hidden.");
                self.ours_b |= rest.starts_with(b"B.hidden.");
            }
            b"embed" if rest == b"embedding.weight" => {
                if let Some((rows, 16)) = matrix {
                    self.alphabet = rows;
                }
            }
            b"net" => {
                self.controller_in |= rest == b"0.weight" && matrix == Some((32, 8));
                self.controller_out |= rest == b"5.weight" && matrix == Some((6, 32));
            }
            _ => {}
        }
        if matches!(head, b"state_net" | b"statenet") {
            self.statenet = true;
        }
        self.codons |= matrix == Some((64, 12));
        self.codons_out |= matrix == Some((16, 64));
    }

    fn projection(&mut self, rest: &[u8], matrix: Option<(u64, u64)>) {
        self.ours_projection |= rest.starts_with(b"A.") || rest.starts_with(b"B.");
        let net = match split(rest) {
            Some((b"proj_A", net)) => {
                self.proj_a = true;
                net
            }
            Some((b"proj_B_radius", _)) => {
                self.proj_b_radius = true;
                return;
            }
            Some((b"proj_B", _)) | None => return,
            Some(_) => {
                self.single |= rest.starts_with(b"direction_net.") || rest.starts_with(b"radius_net.");
                rest
            }
        };
        if net == b"manifold.isp_c" {
            self.ball = true;
        } else if let Some(place) =
            net.strip_prefix(b"direction_net.").and_then(|net| net.strip_suffix(b".weight"))
            && matrix.is_some()
        {
            self.hidden += u32::from(place != b"0");
            self.direction_3 |= place == b"3";
            self.direction_4 |= place == b"4";
        }
    }

    /// The layout, if it is a known one.
    pub(crate) fn layout(&self) -> Option<Word> {
        if self.ours && (self.ours_a || self.ours_b) {
            return Some(Word::Borrowed(match (self.ours_projection, self.ours_a && self.ours_b) {
                (false, _) => "tvae base",
                (true, false) => "tvae",
                (true, true) => "tvae dual",
            }));
        }
        if self.flat_encoder && self.flat_head {
            return Some(Word::Borrowed("v5.5 flat"));
        }
        if !self.plain && !self.improved {
            return self.other().map(Word::Borrowed);
        }
        let projected = self.proj_a || self.single;
        let name = match (self.improved, projected) {
            (true, _) => "v5.12 improved",
            (false, true) => "v5.11",
            (false, false) => "v5.5",
        };
        let projection = match (self.proj_a, self.single, self.proj_b_radius) {
            (true, _, false) => " dual",
            (true, _, true) => " shared",
            (false, true, _) => " single",
            (false, false, _) => "",
        };
        let count = if self.hidden > 0 { format!(" n{}", self.hidden) } else { String::new() };
        let said = |there: bool, word: &'static str| if there { word } else { "" };
        Some(Word::Owned(
            [
                name,
                said(self.statenet, " statenet"),
                projection,
                &count,
                said(self.direction_4 && !self.direction_3, " dropout"),
                said(self.ball, " ball"),
                said(self.controller, " controller"),
            ]
            .concat(),
        ))
    }

    /// Models that are none of the ternary ones.
    fn other(&self) -> Option<&'static str> {
        match self.alphabet {
            64 if self.unified => return Some("codon VAE"),
            21 if self.unified => return Some("amino-acid VAE"),
            _ => {}
        }
        if self.controller_in && self.controller_out {
            return Some("controller");
        }
        if self.codons && self.codons_out {
            return Some("codon encoder");
        }
        RESISTANCE.iter().find(|(width, _)| *width == self.input).map(|(_, name)| *name)
    }
}

/// What is before and behind the first dot of a name.
fn split(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let dot = name.iter().position(|&byte| byte == b'.')?;
    Some((&name[..dot], &name[dot + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(prefix: &str, tensors: &[(&str, &[u64])]) -> Option<String> {
        let tensors: Vec<Tensor> = tensors
            .iter()
            .map(|(name, shape)| Tensor {
                name: format!("{prefix}{name}"),
                dtype: "float32",
                shape: shape.to_vec(),
                stride: Vec::new(),
                file_offset: None,
                nbytes: 0,
            })
            .collect();
        layout(prefix, &tensors.iter().collect::<Vec<_>>()).map(Word::into_owned)
    }

    /// The weights of a direction net with these matrices and norms.
    fn direction(start: &str, matrices: &[u32], norms: &[u32]) -> Vec<(String, &'static [u64])> {
        let each = |at: &u32| format!("{start}direction_net.{at}.weight");
        let matrices = matrices.iter().map(|at| (each(at), &[64, 64][..]));
        matrices.chain(norms.iter().map(|at| (each(at), &[64][..]))).collect()
    }

    fn with<'t>(
        base: &[(&'t str, &'t [u64])],
        more: &'t [(String, &'static [u64])],
    ) -> Vec<(&'t str, &'t [u64])> {
        base.iter().copied().chain(more.iter().map(|(name, shape)| (name.as_str(), *shape))).collect()
    }

    const PLAIN: (&str, &[u64]) = ("encoder_A.encoder.4.weight", &[64, 128]);
    const IMPROVED: (&str, &[u64]) = ("encoder_A.encoder.4.weight", &[128, 256]);

    #[test]
    fn the_versions_are_told_by_their_encoders_and_projections() {
        assert_eq!(told("model.", &[PLAIN]).as_deref(), Some("v5.5"));
        assert_eq!(told("", &[PLAIN, ("state_net.0.weight", &[9, 9])]).as_deref(), Some("v5.5 statenet"));
        let flat: [(&str, &[u64]); 2] = [("encoder_A.0.weight", &[256, 9]), ("fc_mu_A.weight", &[16, 64])];
        assert_eq!(told("model_state_dict.", &flat).as_deref(), Some("v5.5 flat"));
        assert_eq!(told("", &[("module.encoder_A.encoder.4.weight", &[64, 128])]).as_deref(), Some("v5.5"));
        assert_eq!(told("", &[("encoder_A.encoder.0.weight", &[256, 9])]), None);
    }

    #[test]
    fn the_table_of_shifted_indices_is_read_backwards() {
        for (matrices, norms, words) in [
            (&[0, 3][..], &[1][..], "n1"),
            (&[0, 4], &[1], "n1 dropout"),
            (&[0, 3, 6], &[1, 4], "n2"),
            (&[0, 4, 8], &[1, 5], "n2 dropout"),
        ] {
            let dual = direction("projection.proj_A.", matrices, norms);
            let dual = with(&[PLAIN], &dual);
            assert_eq!(told("m.", &dual), Some(format!("v5.11 dual {words}")));
            let single = direction("projection.", matrices, norms);
            let single = with(&[IMPROVED], &single);
            assert_eq!(told("m.", &single), Some(format!("v5.12 improved single {words}")));
        }
    }

    #[test]
    fn what_else_matters_to_a_loader_is_said() {
        let more = direction("projection.proj_A.", &[0, 3], &[1]);
        let base: [(&str, &[u64]); 4] = [
            PLAIN,
            ("controller.net.0.weight", &[32, 8]),
            ("projection.proj_A.manifold.isp_c", &[]),
            ("projection.proj_B_radius.0.weight", &[32, 16]),
        ];
        assert_eq!(told("", &with(&base, &more)).as_deref(), Some("v5.11 shared n1 ball controller"));
    }

    #[test]
    fn other_models_are_named() {
        let codon: [(&str, &[u64]); 2] =
            [("embed.embedding.weight", &[64, 16]), ("encoder.0.weight", &[128, 1600])];
        assert_eq!(told("", &codon).as_deref(), Some("codon VAE"));
        let acids: [(&str, &[u64]); 2] =
            [("embed.embedding.weight", &[21, 16]), ("encoder.0.weight", &[128, 1600])];
        assert_eq!(told("", &acids).as_deref(), Some("amino-acid VAE"));
        let encoder: [(&str, &[u64]); 2] = [("mlp.0.weight", &[64, 12]), ("mlp.8.weight", &[16, 64])];
        assert_eq!(told("", &encoder).as_deref(), Some("codon encoder"));
        let controller: [(&str, &[u64]); 2] = [("net.0.weight", &[32, 8]), ("net.5.weight", &[6, 32])];
        assert_eq!(told("controller_state.", &controller).as_deref(), Some("controller"));
        assert_eq!(told("", &[("encoder.0.weight", &[256, 5280])]).as_deref(), Some("resistance VAE NRTI"));
        let ours: [(&str, &[u64]); 3] = [
            ("encoder.B.hidden.linear.0.weight", &[256, 9]),
            ("decoder.logits.weight", &[27, 128]),
            ("projection.B.radius_out.weight", &[1, 32]),
        ];
        assert_eq!(told("", &ours).as_deref(), Some("tvae"));
        assert_eq!(told("", &ours[..2]).as_deref(), Some("tvae base"));
        let dual: [(&str, &[u64]); 4] =
            [ours[0], ours[1], ours[2], ("encoder.A.hidden.linear.0.weight", &[256, 9])];
        assert_eq!(told("", &dual).as_deref(), Some("tvae dual"));
        assert_eq!(told("", &[("head.weight", &[10, 512])]), None);
    }

    #[test]
    fn an_experiment_is_named_by_the_keys_beside_its_weights() {
        let dict = |key: &str, layout: Option<&'static str>| StateDict {
            key: key.into(),
            n_tensors: 1,
            n_params: 1,
            bytes: 4,
            dtypes: Vec::new(),
            layout: layout.map(Word::Borrowed),
            fingerprint: None,
        };
        let mut dicts = [dict("model", Some("v5.5")), dict("snap_state_dict", None), dict("optimizer", None)];
        add_experiment(&["model".into(), "appetite_weights".into()], &mut dicts);
        let layouts: Vec<_> = dicts.iter().map(|one| one.layout.as_deref()).collect();
        assert_eq!(layouts, [Some("v5.5 appetitive"), Some("radial snap"), None]);
    }
}
