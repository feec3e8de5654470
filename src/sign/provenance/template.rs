//! Values made of claims: `{claim}` within a text stands for the claim's value.

use std::borrow::Cow;

use crate::base::encoding::json::Json;
use crate::service::identity::TokenClaims;

/// Claims, and what follows from them.
pub(super) struct Claimed<'c> {
    claims: &'c TokenClaims,
    derived: Vec<(&'static str, String)>,
}

impl<'c> Claimed<'c> {
    pub(super) fn of(claims: &'c TokenClaims, derive: fn(&TokenClaims) -> Vec<(&'static str, String)>) -> Self {
        Self { claims, derived: derive(claims) }
    }

    fn value(&self, name: &str) -> Option<String> {
        let derived = self.derived.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        derived.or_else(|| self.claims.scalar(name))
    }
}

/// A template with every claim in its place, or the name of the first that is missing.
pub(super) fn fill(template: &str, claimed: &Claimed<'_>) -> Result<String, String> {
    let (mut filled, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or_else(|| template.to_owned())?;
        filled += before;
        filled += &claimed.value(name).ok_or_else(|| name.to_owned())?;
        rest = after;
    }
    Ok(filled + rest)
}

/// Puts a value under a name; a dot in it is a level.
pub(super) fn place(members: &mut Vec<(Cow<'static, str>, Json<'static>)>, name: &str, value: String) {
    let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
    let Some(rest) = rest else {
        members.push((first.to_owned().into(), Json::String(value.into())));
        return;
    };
    if let Some((_, Json::Object(inner))) = members.iter_mut().find(|(known, _)| known == first) {
        return place(inner, rest, value);
    }
    let mut inner = Vec::new();
    place(&mut inner, rest, value);
    members.push((first.to_owned().into(), Json::Object(inner)));
}
