//! That the pages are whole in each language.

use std::{collections::BTreeSet, fs, path::Path};

use super::{Language, french};

#[test]
fn the_browser_chooses_the_language() {
    for (header, code) in [
        ("", "en"),
        ("fr", "fr"),
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("en-GB,fr;q=0.9", "en"),
        ("de-DE, FR;q=0.7, en;q=0.3", "fr"),
        ("en;q=0.2, fr;q=0.4", "fr"),
        ("fr;q=0, en", "en"),
        ("de, *", "en"),
        ("fr;q=nonsense", "en"),
    ] {
        assert_eq!(Language::preferred(header).code(), code, "{header:?}");
    }
}

#[test]
fn every_sentence_of_the_templates_is_there_in_french() {
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let all = [templates.join("account"), templates]
        .into_iter()
        .flat_map(|directory| fs::read_dir(directory).expect("it is there"));
    for path in all.map(|entry| entry.expect("it can be read").path()).filter(|path| path.is_file()) {
        let text = fs::read_to_string(path).expect("templates are text");
        for (_, rest) in text.match_indices("say(\"").map(|(at, start)| (at, &text[at + start.len()..])) {
            let sentence = &rest[..rest.find('"').expect("the quotation ends")];
            assert!(french::SENTENCES.iter().any(|(of, _)| *of == sentence), "there is no French for {sentence:?}");
        }
    }
}

#[test]
fn no_sentence_is_there_twice() {
    let different: BTreeSet<_> = french::SENTENCES.iter().map(|(of, _)| of).collect();

    assert_eq!(different.len(), french::SENTENCES.len());
}
