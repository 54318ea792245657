//! `#[derive(Choice)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, LitStr, Result};

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(input, "Choice is for enums"));
    };
    let type_name = &input.ident;
    let mut words = Vec::new();
    let mut arms = Vec::new();
    for variant in &data.variants {
        let name = &variant.ident;
        let mut word = crate::snake_case(&name.to_string());
        let mut aliases = Vec::new();
        for attribute in variant.attrs.iter().filter(|attribute| attribute.path().is_ident("choice")) {
            attribute.parse_nested_meta(|meta| {
                let text: LitStr = meta.value()?.parse()?;
                if meta.path.is_ident("name") {
                    word = text.value();
                } else if meta.path.is_ident("alias") {
                    aliases.push(text.value());
                } else {
                    return Err(meta.error("known are: name, alias"));
                }
                Ok(())
            })?;
        }
        arms.push(quote!(#word #(| #aliases)* => ::core::option::Option::Some(Self::#name),));
        words.push(word);
    }
    Ok(quote! {
        impl ::clouder_modules::args::Choice for #type_name {
            const WORDS: &'static [&'static str] = &[#(#words),*];
            fn from_word(word: &str) -> ::core::option::Option<Self> {
                match word {
                    #(#arms)*
                    _ => ::core::option::Option::None,
                }
            }
        }
        impl ::clouder_modules::args::FromArgument for #type_name {
            const KIND: ::clouder_modules::args::Kind =
                ::clouder_modules::args::Kind::Choice(<Self as ::clouder_modules::args::Choice>::WORDS);
            fn from_argument(value: &::clouder_modules::args::JsonValue) -> ::core::option::Option<Self> {
                ::clouder_modules::args::choice_from_argument(value)
            }
        }
    })
}
