//! Advice that was followed is not followed by more of it.

use tvae_scan::judge::{Action, Judgement};
use tvae_scan::record::FileRecord;

use crate::trees::{Tree, advice, dir, file, saved};

fn run(hierarchy: f64) -> Vec<FileRecord> {
    vec![file("best.pt", &[("coverage", 1.0), ("hierarchy_B", hierarchy)])]
}

fn goes(judgement: &Judgement) -> Vec<String> {
    let gone =
        judgement.dirs.iter().filter(|dir| matches!(dir.recommendation, Action::Archive | Action::Delete));
    gone.map(|dir| dir.path.strip_prefix("tree").unwrap_or(&dir.path).display().to_string()).collect()
}

/// What a scan of the tree lets go, after which one of what is left lets nothing go.
fn gone_for_good(runs: &[(&str, Vec<FileRecord>)], rules: &str) -> Vec<String> {
    let tree = |left: &dyn Fn(&str) -> bool| {
        let shown = runs.iter().filter(|(name, _)| left(name));
        shown.fold(Tree::default(), |tree, (name, files)| tree.dir(name, files.clone()))
    };
    let gone = goes(&tree(&|_| true).by(rules));
    let again = tree(&|name| !gone.iter().any(|other| other == name)).by(rules);
    assert_eq!(goes(&again), [""; 0], "after {gone:?} went");
    gone
}

#[test]
fn the_best_of_a_sweep_is_not_archived_as_a_version_when_the_others_have_gone() {
    let runs = [
        ("v5_11_lr1", run(-0.8311)),
        ("v5_11_lr2", run(-0.8315)),
        ("v5_11_lr3", run(-0.8312)),
        ("v5_11_repro", run(-0.8316)),
    ];
    assert_eq!(gone_for_good(&runs, ""), ["v5_11_lr1", "v5_11_lr3"]);
}

#[test]
fn a_name_with_a_parameter_is_no_near_identical_version() {
    let tree = Tree::default().dir("v5_11_lr1", run(-0.8311)).dir("v5_11_repro", run(-0.8316));
    assert!(tree.judge().dirs.iter().all(|dir| dir.group.is_none()));
}

#[test]
fn the_best_of_the_rows_of_a_grid_compete_at_once() {
    let name = |lr: u32, batch: u32| format!("lr_{lr}_b{batch}");
    let value = |lr, batch| if lr == 2 { -0.83 } else { -0.7 } - 0.001 * f64::from(batch);
    let names: Vec<(String, Vec<FileRecord>)> =
        (1..=3).flat_map(|lr| (1..=3).map(move |batch| (name(lr, batch), run(value(lr, batch))))).collect();
    let runs: Vec<(&str, Vec<FileRecord>)> =
        names.iter().map(|(name, files)| (name.as_str(), files.clone())).collect();
    let gone = gone_for_good(&runs, "");
    assert_eq!(gone.len(), 8, "{gone:?}");
    let tree = runs.iter().fold(Tree::default(), |tree, (name, files)| tree.dir(name, files.clone()));
    let judgement = tree.judge();
    assert_eq!(advice(&judgement, "lr_1_b1"), "archive: one run of lr_#_b1; lr_2_b1 is better");
    assert_eq!(advice(&judgement, "lr_2_b1"), "archive: one run of lr_2_b#; lr_2_b3 is better");
    // What stays is told as it was beside all the others.
    assert_eq!(advice(&judgement, "lr_2_b3"), "keep: the best of lr_#_b3");
    assert_eq!(dir(&judgement, "lr_2_b3").group.as_deref(), Some("lr_#_b3"));
}

#[test]
fn the_best_of_two_clusters_of_versions_compete_at_once() {
    // The second and the fourth are near to each other, the first and the third are not.
    let runs = [
        ("v5_11_a", run(-0.820)),
        ("v5_11_b", run(-0.824)),
        ("v5_11_c", run(-0.8255)),
        ("v5_11_d", run(-0.828)),
    ];
    assert_eq!(gone_for_good(&runs, ""), ["v5_11_a", "v5_11_b", "v5_11_c"]);
}

#[test]
fn a_rule_about_what_is_left_counts_at_once() {
    let rules = "[[archive]]\nrule = 'mine'\nreason = 'a {category}'\ncategory = ['variant']";
    let runs = [("v5_11_lr1", run(-0.81)), ("v5_11_lr2", run(-0.83)), ("v5_11_lr3", run(-0.82))];
    assert_eq!(gone_for_good(&runs, rules), ["v5_11_lr1", "v5_11_lr2", "v5_11_lr3"]);
}

#[test]
fn what_a_guard_holds_back_goes_with_its_reason() {
    let mine = "[[archive]]\nrule = 'mine'\nreason = 'mine'\nname = '^top$'";
    let tree = Tree::default()
        .dir("top", run(-0.5))
        .with(|folder| folder.n_folders = 3)
        .dir("top/v5_11_lr1", run(-0.81))
        .dir("top/v5_11_lr2", run(-0.83))
        .dir("top/v5_11_lr3", run(-0.82));
    let judgement = tree.by(mine);
    assert_eq!(goes(&judgement), ["top/v5_11_lr1", "top/v5_11_lr3"]);
    assert_eq!(advice(&judgement, "top"), "review: mine; but one folder below it should stay");
    // The best of the sweep goes in the second round only.
    let judgement =
        tree.by(&format!("{mine}\n[[archive]]\nrule = 'rest'\nreason = 'rest'\ncategory = ['variant']"));
    assert_eq!(goes(&judgement), ["top", "top/v5_11_lr1", "top/v5_11_lr2", "top/v5_11_lr3"]);
    assert_eq!(advice(&judgement, "top"), "archive: mine");
}

/// Numbers that look like chance, the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    #[allow(clippy::cast_precision_loss)] // small numbers
    fn metrics(&mut self) -> [(&'static str, f64); 2] {
        let coverage = [1.0, 1.0, 0.995, 0.3][usize::try_from(self.below(4)).unwrap_or(0)];
        [("coverage", coverage), ("hierarchy_B", -0.84 + 0.001 * self.below(20) as f64)]
    }
}

#[test]
fn whatever_a_tree_holds_advice_is_given_once() {
    let mut chance = Chance(7);
    for _ in 0..300 {
        let mut names: Vec<String> = Vec::new();
        for lr in 1..=3 {
            names.extend((1..=3).map(|batch| format!("lr_{lr}_b{batch}")));
            names.extend((1..=3).map(|seed| format!("v5_11_lr{lr}_s{seed}")));
        }
        names.extend(["a", "b", "c", "d", "e"].map(|word| format!("v5_11_{word}")));
        names.retain(|_| chance.below(4) > 0);
        names.sort_unstable();
        let files = |chance: &mut Chance, at: usize| {
            let name = ["best.pt", "best.pt", "best.pt", "epoch_1.pt"]
                [usize::try_from(chance.below(4)).unwrap_or(0)];
            let weights = chance.below(12);
            let metrics = chance.metrics();
            let all = if chance.below(9) == 0 { &metrics[..0] } else { &metrics[..] };
            vec![saved(file(name, all), &format!("id{at}"), weights)]
        };
        let runs: Vec<(&str, Vec<FileRecord>)> =
            names.iter().enumerate().map(|(at, name)| (name.as_str(), files(&mut chance, at))).collect();
        gone_for_good(&runs, "");
    }
}
