package tofu

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// resource evaluates the arguments of a resource against the provider's table: one object,
// a tuple of them where it has count, an object of objects where it has for_each.
func (e *evaluation) resource(address string) cty.Value {
	e.t.Helper()
	body := e.m.resources[address]
	e.dependsOn(body)
	if attribute := body.Attributes["count"]; attribute != nil {
		n, _ := e.value(attribute.Expr, nil).AsBigFloat().Int64()
		instances := make([]cty.Value, n)
		for i := range instances {
			instances[i] = e.instance(address, map[string]cty.Value{"count": cty.ObjectVal(map[string]cty.Value{"index": cty.NumberIntVal(int64(i))})})
		}
		return cty.TupleVal(instances)
	}
	if attribute := body.Attributes["for_each"]; attribute != nil {
		instances := map[string]cty.Value{}
		for key, value := range elements(e.value(attribute.Expr, nil)) {
			instances[key] = e.instance(address, map[string]cty.Value{"each": cty.ObjectVal(map[string]cty.Value{"key": cty.StringVal(key), "value": value})})
		}
		return cty.ObjectVal(instances)
	}
	return e.instance(address, nil)
}

// instances are those of a resource, however many it has.
func (e *evaluation) instances(address string) []cty.Value {
	e.t.Helper()
	value, body := e.node(address, e.m.dir), e.m.resources[address]
	switch {
	case body.Attributes["count"] != nil:
		return value.AsValueSlice()
	case body.Attributes["for_each"] != nil:
		return slices.Collect(maps.Values(elements(value)))
	default:
		return []cty.Value{value}
	}
}

func elements(value cty.Value) map[string]cty.Value {
	found := map[string]cty.Value{}
	for it := value.ElementIterator(); it.Next(); {
		key, element := it.Element()
		if value.Type().IsSetType() {
			key = element
		}
		found[key.AsString()] = element
	}
	return found
}

// dependsOn finds what it names.
func (e *evaluation) dependsOn(body *hclsyntax.Body) {
	e.t.Helper()
	attribute := body.Attributes["depends_on"]
	if attribute == nil {
		return
	}
	list, diags := hcl.ExprList(attribute.Expr)
	if diags.HasErrors() {
		e.t.Fatal(diags)
	}
	for _, expression := range list {
		traversal, diags := hcl.AbsTraversalForExpr(expression)
		if diags.HasErrors() {
			e.t.Fatal(diags)
		}
		e.node(addressOf(traversal), expression.Range().String())
	}
}

func (e *evaluation) instance(address string, local map[string]cty.Value) cty.Value {
	e.t.Helper()
	body := e.m.resources[address]
	name := address[:strings.LastIndex(address, ".")]
	known, ok := provider[name]
	if !ok {
		e.t.Fatalf("%s: %s is not in the provider's table; add it, with its source", body.SrcRange, name)
	}
	attributes := e.arguments(name, body, known.body, local, "count", "for_each", "depends_on")
	for export, template := range known.exports {
		value, err := answer(template, attributes)
		must(e.t, err)
		attributes[export] = value
	}
	object := cty.ObjectVal(attributes)
	inside := map[string]cty.Value{"self": object}
	maps.Copy(inside, local)
	for _, block := range body.Blocks {
		if block.Type == "lifecycle" {
			for _, rule := range block.Body.Blocks {
				e.check(rule.Body, inside)
			}
		}
	}
	return object
}

// arguments evaluates a body, whose arguments must be those of the table; meta are the
// arguments that are OpenTofu's own.
func (e *evaluation) arguments(where string, found *hclsyntax.Body, known body, local map[string]cty.Value, meta ...string) map[string]cty.Value {
	e.t.Helper()
	required, optional := named(known.required), named(known.optional)
	values := map[string]cty.Value{}
	for name, attribute := range found.Attributes {
		kind, ok := required[name]
		if !ok {
			kind, ok = optional[name]
		}
		switch {
		case slices.Contains(meta, name):
		case ok:
			value, err := convert.Convert(e.value(attribute.Expr, local), kind)
			if err != nil {
				e.t.Errorf("%s: %s of %s: %v", attribute.SrcRange, name, where, err)
			}
			values[name] = value
		default:
			e.t.Errorf("%s: %s has no argument %q", attribute.SrcRange, where, name)
		}
	}
	for name := range required {
		if value, ok := values[name]; !ok || value.IsNull() {
			e.t.Errorf("%s: %s has no %s, which is required", found.SrcRange, where, name)
		}
	}
	for name, kind := range optional {
		if _, ok := values[name]; !ok {
			values[name] = cty.NullVal(kind)
		}
	}
	blocks := map[string][]cty.Value{}
	for _, block := range found.Blocks {
		name, body := block.Type, block.Body
		iterations := []map[string]cty.Value{local}
		if name == "dynamic" {
			name, body = block.Labels[0], block.Body.Blocks[0].Body
			iterations = e.iterations(block.Body, name, local)
		}
		if name == "lifecycle" && len(meta) > 0 {
			continue
		}
		inner, ok := known.blocks[name]
		if !ok {
			e.t.Errorf("%s: %s has no block %q", block.DefRange(), where, name)
			continue
		}
		for _, local := range iterations {
			blocks[name] = append(blocks[name], cty.ObjectVal(e.arguments(where+" "+name, body, inner, local)))
		}
	}
	for name, list := range blocks {
		values[name] = cty.TupleVal(list)
	}
	return values
}

// iterations are what a dynamic block knows each time.
func (e *evaluation) iterations(dynamic *hclsyntax.Body, name string, local map[string]cty.Value) []map[string]cty.Value {
	e.t.Helper()
	var all []map[string]cty.Value
	each := elements(e.value(dynamic.Attributes["for_each"].Expr, local))
	for _, key := range slices.Sorted(maps.Keys(each)) {
		inside := maps.Clone(local)
		if inside == nil {
			inside = map[string]cty.Value{}
		}
		inside[name] = cty.ObjectVal(map[string]cty.Value{"key": cty.StringVal(key), "value": each[key]})
		all = append(all, inside)
	}
	return all
}
