//! `#[derive(Arguments)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::punctuated::Punctuated;
use syn::{
    Data, DeriveInput, Error, Field, Fields, GenericArgument, Ident, LitStr, PathArguments, Result, Token,
    Type, parenthesized,
};

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(input, "Arguments is for structs"));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(Error::new_spanned(input, "Arguments needs named fields"));
    };
    let mut parameters = Vec::new();
    let mut groups = Vec::new();
    let mut readers = Vec::new();
    for field in &fields.named {
        let name = field.ident.as_ref().ok_or_else(|| Error::new_spanned(field, "a name is needed"))?;
        let options = FieldOptions::of(field)?;
        let field_type = &field.ty;
        if options.flatten {
            groups.push(quote!(<#field_type as ::clouder_modules::args::Arguments>::schema));
            readers.push(quote!(#name: <#field_type as ::clouder_modules::args::Arguments>::take(source)?,));
            continue;
        }
        let index = parameters.len();
        readers.push(read_field(name, field_type, index));
        parameters.push(parameter(name, field, &options));
    }
    let constraints = constraints(input)?;
    let doc = crate::documentation(&input.attrs);
    let type_name = &input.ident;
    Ok(quote! {
        impl ::clouder_modules::args::Arguments for #type_name {
            fn schema() -> &'static ::clouder_modules::args::Schema {
                static SCHEMA: ::clouder_modules::args::Schema = ::clouder_modules::args::Schema {
                    doc: ::clouder_modules::args::doc(#doc),
                    parameters: &[#(#parameters),*],
                    groups: &[#(#groups),*],
                    constraints: &[#(#constraints),*],
                };
                &SCHEMA
            }
            fn take(
                source: &mut ::clouder_modules::args::ArgumentSource,
            ) -> ::core::result::Result<Self, ::clouder_modules::args::ArgumentError> {
                let parameters = Self::schema().parameters;
                let _ = parameters;
                ::core::result::Result::Ok(Self { #(#readers)* })
            }
        }
    })
}

/// What `#[arg(...)]` says of a field.
#[derive(Default)]
struct FieldOptions {
    name: Option<String>,
    aliases: Vec<String>,
    default: Option<String>,
    secret: bool,
    free_form: bool,
    flatten: bool,
}

impl FieldOptions {
    fn of(field: &Field) -> Result<Self> {
        let mut options = Self::default();
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("arg")) {
            attribute.parse_nested_meta(|meta| options.read(&meta))?;
        }
        Ok(options)
    }

    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let text = || meta.value()?.parse::<LitStr>().map(|text| text.value());
        match meta.path.get_ident().map(Ident::to_string).as_deref() {
            Some("name") => self.name = Some(text()?),
            Some("alias") => self.aliases.push(text()?),
            Some("default") => self.default = Some(text()?),
            Some("secret") => self.secret = true,
            Some("free_form") => self.free_form = true,
            Some("flatten") => self.flatten = true,
            _ => return Err(meta.error("known are: name, alias, default, secret, free_form, flatten")),
        }
        Ok(())
    }
}

fn parameter(name: &Ident, field: &Field, options: &FieldOptions) -> TokenStream {
    let parameter = parameter_name(name, options);
    let aliases = &options.aliases;
    let doc = crate::documentation(&field.attrs);
    let inner = option_inner(&field.ty);
    let value_type = inner.unwrap_or(&field.ty);
    let required = inner.is_none() && options.default.is_none();
    let default = match &options.default {
        Some(default) => quote!(::core::option::Option::Some(#default)),
        None => quote!(::core::option::Option::None),
    };
    let (secret, free_form) = (options.secret, options.free_form);
    quote! {
        ::clouder_modules::args::Parameter {
            name: #parameter,
            aliases: &[#(#aliases),*],
            doc: ::clouder_modules::args::doc(#doc),
            kind: <#value_type as ::clouder_modules::args::FromArgument>::KIND,
            required: #required,
            default: #default,
            secret: #secret,
            free_form: #free_form,
        }
    }
}

fn read_field(name: &Ident, field_type: &Type, index: usize) -> TokenStream {
    if option_inner(field_type).is_some() {
        return quote!(#name: source.take(&parameters[#index])?,);
    }
    quote!(#name: source.take_required(&parameters[#index])?,)
}

fn parameter_name(name: &Ident, options: &FieldOptions) -> String {
    options.name.clone().unwrap_or_else(|| name.to_string().trim_start_matches("r#").to_owned())
}

/// `T` of `Option<T>`.
fn option_inner(field_type: &Type) -> Option<&Type> {
    let path = match field_type {
        // A type that went through a macro comes in an invisible group.
        Type::Group(group) => return option_inner(&group.elem),
        Type::Path(path) => path,
        _ => return None,
    };
    let last = path.path.segments.last().filter(|segment| segment.ident == "Option")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first() {
        Some(GenericArgument::Type(inner)) => Some(inner),
        _ => None,
    }
}

/// `#[arguments(exclusive("a", "b"), one_of("a", "b"), required_if("state", "x", "a"), required_by("a", "b"))]`.
fn constraints(input: &DeriveInput) -> Result<Vec<TokenStream>> {
    let mut constraints = Vec::new();
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("arguments")) {
        attribute.parse_nested_meta(|meta| {
            let content;
            parenthesized!(content in meta.input);
            let words: Vec<LitStr> = Punctuated::<LitStr, Token![,]>::parse_terminated(&content)?.into_iter().collect();
            let kind = quote!(::clouder_modules::args::Constraint);
            constraints.push(match (meta.path.get_ident().map(Ident::to_string).as_deref(), words.as_slice()) {
                (Some("exclusive"), names) => quote!(#kind::Exclusive(&[#(#names),*])),
                (Some("one_of"), names) => quote!(#kind::OneOf(&[#(#names),*])),
                (Some("required_if"), [parameter, value, needed @ ..]) => {
                    quote!(#kind::RequiredIf { parameter: #parameter, value: #value, needed: &[#(#needed),*] })
                }
                (Some("required_by"), [parameter, needed @ ..]) => {
                    quote!(#kind::RequiredBy { parameter: #parameter, needed: &[#(#needed),*] })
                }
                _ => return Err(meta.error("known are: exclusive, one_of, required_if, required_by")),
            });
            Ok(())
        })?;
    }
    Ok(constraints)
}
