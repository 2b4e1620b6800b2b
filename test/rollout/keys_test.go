package rollout

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/service"
)

// Whatever the programs can be told can be said in values, and arrives: a key that is new in
// the configuration has to come to the chart's schema and templates, and into
// ../chart/testdata/every-key.values.yaml, as well.
func TestValuesHaveTheKeysOfTheConfiguration(t *testing.T) {
	t.Parallel()
	text := read(t, "../chart/testdata/every-key.config.yaml")
	if _, err := service.ParseConfig([]byte(text)); err != nil {
		t.Fatal(err)
	}
	var config any
	unmarshal(t, text, &config)
	var missing []string
	for _, key := range keys("", reflect.TypeFor[service.Config]()) {
		if !has(config, strings.Split(key, ".")) {
			missing = append(missing, key)
		}
	}
	slices.Sort(missing)
	want := []string{
		"backend.insecurePlaintext",   // of tls.mode plaintext, as in the example trial
		"backend.listen.grpc",         // it has none
		"backend.managedCas.endpoint", // there is no embedded AWS in a cluster
		"cas.insecurePlaintext",
		"controlplane.insecurePlaintext",
		"database.url", // of SQLite alone, as in the example trial
	}
	if diff := cmp.Diff(want, missing); diff != "" {
		t.Errorf("keys of the configuration that no values lead to (-known +found):\n%s", diff)
	}
}

// keys returns the names of all values in a type, as they are written in YAML.
func keys(before string, of reflect.Type) []string {
	switch {
	case of.Kind() == reflect.Pointer:
		return keys(before, of.Elem())
	case of.Kind() == reflect.Slice && of.Elem().Kind() == reflect.Struct:
		return keys(before+".[]", of.Elem())
	case of.Kind() != reflect.Struct:
		return []string{strings.TrimPrefix(before, ".")}
	}
	var found []string
	for i := range of.NumField() {
		name, options, _ := strings.Cut(of.Field(i).Tag.Get("yaml"), ",")
		switch {
		case options == "inline":
			found = append(found, keys(before, of.Field(i).Type)...)
		case of.Field(i).IsExported():
			found = append(found, keys(before+"."+name, of.Field(i).Type)...)
		}
	}
	return found
}

// has reports whether a document has the key; of a list one element has to.
func has(document any, key []string) bool {
	if len(key) == 0 {
		return true
	}
	switch d := document.(type) {
	case []any:
		return slices.ContainsFunc(d, func(element any) bool { return has(element, key[1:]) })
	case map[string]any:
		next, ok := d[key[0]]
		return ok && has(next, key[1:])
	}
	return false
}
