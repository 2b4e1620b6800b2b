package tofu

import (
	"fmt"
	"os"
	"strings"

	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
	"go.yaml.in/yaml/v3"
)

// functions are those of OpenTofu's that the modules use. A few are OpenTofu's own, and
// written down here as its documentation has them.
var functions = map[string]function.Function{
	"alltrue":         quantifier(true),
	"anytrue":         quantifier(false),
	"can":             tryfunc.CanFunc,
	"coalesce":        stdlib.CoalesceFunc,
	"compact":         stdlib.CompactFunc,
	"concat":          stdlib.ConcatFunc,
	"contains":        stdlib.ContainsFunc,
	"distinct":        stdlib.DistinctFunc,
	"endswith":        texts(strings.HasSuffix),
	"file":            fileFunc,
	"flatten":         stdlib.FlattenFunc,
	"floor":           stdlib.FloorFunc,
	"format":          stdlib.FormatFunc,
	"join":            stdlib.JoinFunc,
	"jsondecode":      stdlib.JSONDecodeFunc,
	"jsonencode":      stdlib.JSONEncodeFunc,
	"keys":            stdlib.KeysFunc,
	"length":          lengthFunc,
	"lower":           stdlib.LowerFunc,
	"merge":           stdlib.MergeFunc,
	"regex":           stdlib.RegexFunc,
	"regexall":        stdlib.RegexAllFunc,
	"replace":         stdlib.ReplaceFunc, // a text between slashes would be a pattern; ours are none
	"setintersection": stdlib.SetIntersectionFunc,
	"split":           stdlib.SplitFunc,
	"startswith":      texts(strings.HasPrefix),
	"strcontains":     texts(strings.Contains),
	"trim":            stdlib.TrimFunc,
	"try":             tryfunc.TryFunc,
	"values":          stdlib.ValuesFunc,
	"yamlencode":      yamlencodeFunc,
}

func texts(relation func(a, b string) bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "text", Type: cty.String}, {Name: "part", Type: cty.String}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(relation(args[0].AsString(), args[1].AsString())), nil
		},
	})
}

// quantifier is what all or any of a list of bools come to; neutral for the empty one.
func quantifier(neutral bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.List(cty.Bool)}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			for _, value := range args[0].AsValueSlice() {
				if value.IsNull() || value.True() != neutral {
					return cty.BoolVal(!neutral), nil
				}
			}
			return cty.BoolVal(neutral), nil
		},
	})
}

// lengthFunc counts characters of a text as well; those of ours are ASCII.
var lengthFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType}},
	Type:   function.StaticReturnType(cty.Number),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		value := args[0]
		switch {
		case value.Type() == cty.String:
			return cty.NumberIntVal(int64(len(value.AsString()))), nil
		case value.Type().IsObjectType():
			return cty.NumberIntVal(int64(len(value.Type().AttributeTypes()))), nil
		case value.CanIterateElements():
			return cty.NumberIntVal(int64(value.LengthInt())), nil
		}
		return cty.NilVal, fmt.Errorf("length of %s", value.Type().FriendlyName())
	},
})

var fileFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "path", Type: cty.String}},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		text, err := os.ReadFile(args[0].AsString())
		return cty.StringVal(string(text)), err
	},
})

var yamlencodeFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType}},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		text, err := stdlib.JSONEncode(args[0])
		if err != nil {
			return cty.NilVal, err
		}
		var value any
		if err := yaml.Unmarshal([]byte(text.AsString()), &value); err != nil {
			return cty.NilVal, err
		}
		out, err := yaml.Marshal(value)
		return cty.StringVal(string(out)), err
	},
})
