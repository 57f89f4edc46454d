package courier

import (
	"encoding"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
)

var (
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// exactNames checks that every member of b has the name, in exactly its case, of a field of the type that it was read
// into: encoding/json would take "ISS" for "iss", another reader would not.
func exactNames(b []byte, into any) error {
	var tree any
	if err := json.Unmarshal(b, &tree); err != nil {
		return refuse(Malformed, "the document is not JSON: %v", err)
	}
	return namesIn(tree, reflect.TypeOf(into), "")
}

func namesIn(tree any, t reflect.Type, path string) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if p := reflect.PointerTo(t); p.Implements(jsonUnmarshaler) || p.Implements(textUnmarshaler) {
		return nil // reads itself
	}
	switch v := tree.(type) {
	case []any:
		if t.Kind() != reflect.Slice && t.Kind() != reflect.Array {
			return nil
		}
		for _, item := range v {
			if err := namesIn(item, t.Elem(), path); err != nil {
				return err
			}
		}
	case map[string]any:
		var fields map[string]reflect.Type
		if t.Kind() == reflect.Struct {
			fields = fieldsOf(t)
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			inner, ok := fields[name]
			if t.Kind() == reflect.Map {
				inner, ok = t.Elem(), true
			}
			if t.Kind() == reflect.Interface {
				return nil
			}
			if !ok {
				return refuse(UnknownMember, "the document has the member %q, which its type does not have", path+name)
			}
			if err := namesIn(v[name], inner, path+name+"."); err != nil {
				return err
			}
		}
	}
	return nil
}

// fieldsOf gives the JSON names of a struct's fields with their types, those of embedded structs among them.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Tag.Get("json") == "-":
		case f.Anonymous && name == "":
			inner := f.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct {
				for n, ft := range fieldsOf(inner) {
					fields[n] = ft
				}
			}
		case !f.IsExported():
		case name == "":
			fields[f.Name] = f.Type
		default:
			fields[name] = f.Type
		}
	}
	return fields
}
