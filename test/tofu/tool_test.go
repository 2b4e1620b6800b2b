package tofu

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// tool is OpenTofu, or Terraform, in a directory of its own.
type tool struct {
	program, dir string
	env          map[string]string
}

// in prepares a directory for the program that tests run with. Nothing is downloaded: what
// runs here has no provider but the one that is built in.
func in(t *testing.T, program, dir string) tool {
	t.Helper()
	x := tool{program: program, dir: dir}
	x.must(t, "init", "-input=false")
	return x
}

func (x tool) run(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), x.program, arguments...)
	cmd.Dir = x.dir
	settings := filepath.Join(t.TempDir(), "settings")
	must(t, os.WriteFile(settings, []byte("disable_checkpoint = true\n"), 0o600))
	// Nothing of the user's: no credentials, no settings, no variables.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + x.dir, "TF_IN_AUTOMATION=1", "TF_CLI_CONFIG_FILE=" + settings}
	for name, value := range x.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Logf("%s %s: %v\n%s", x.program, strings.Join(arguments, " "), err, &stderr)
		return stdout.String(), err
	}
	return stdout.String(), nil
}

func (x tool) must(t *testing.T, arguments ...string) string {
	t.Helper()
	out, err := x.run(t, arguments...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", arguments, err, out)
	}
	return out
}

// write writes a configuration to a new directory, with the modules by relative paths: what
// is named by an absolute one is copied without the templates beside it.
func write(t *testing.T, write func(body *hclwrite.Body, source cty.Value)) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	here, err := filepath.Abs(policies)
	must(t, err)
	source, err := filepath.Rel(dir, here)
	must(t, err)
	file := hclwrite.NewEmptyFile()
	write(file.Body(), cty.StringVal(filepath.ToSlash(source)))
	must(t, os.WriteFile(filepath.Join(dir, "main.tf"), file.Bytes(), 0o600))
	return dir
}

func callPolicies(body *hclwrite.Body, name string, source cty.Value, given map[string]cty.Value) {
	call := body.AppendNewBlock("module", []string{name}).Body()
	call.SetAttributeValue("source", source)
	for _, variable := range slices.Sorted(maps.Keys(given)) {
		call.SetAttributeValue(variable, given[variable])
	}
}

func TestToolFindsFilesFormatted(t *testing.T) {
	t.Parallel()
	program := program(t)
	if program == "" {
		return
	}
	if out, err := (tool{program: program, dir: root}).run(t, "fmt", "-check", "-diff", "-recursive"); err != nil {
		t.Errorf("not formatted:\n%s", out)
	}
}

// The module is applied by itself, without a provider, in a copy of what is needed.
func TestToolAppliesPoliciesAlone(t *testing.T) {
	t.Parallel()
	program := program(t)
	if program == "" {
		return
	}
	deployed := t.TempDir()
	for from, to := range map[string]string{policies: "tofu/policies", deploy + "/policies": "policies"} {
		must(t, os.CopyFS(filepath.Join(deployed, to), os.DirFS(from)))
	}
	dir := filepath.Join(deployed, "tofu", "policies")
	installation := example()
	given, err := json.Marshal(withIRSA(installation, variables(installation)))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "terraform.tfvars.json"), given, 0o600))
	x := in(t, program, dir)
	x.must(t, "validate")
	x.must(t, "apply", "-auto-approve", "-input=false")
	var outputs struct {
		Documents struct{ Value map[string]string }
	}
	must(t, json.Unmarshal([]byte(x.must(t, "output", "-json")), &outputs))
	compareDocuments(t, "alone", installation, outputs.Documents.Value)
	if out, err := x.run(t, "plan", "-detailed-exitcode", "-input=false"); err != nil {
		t.Errorf("a second apply would change something:\n%s", out)
	}
}

// Every installation has the documents of package tenancy, when its key and the cluster's
// OIDC provider exist, and when they are only to be made: then what does not name them is
// known all the same.
func TestToolRendersWhatPolicyRenderDoes(t *testing.T) {
	t.Parallel()
	program := program(t)
	if program == "" {
		return
	}
	all := installations()
	names := slices.Sorted(maps.Keys(all))
	dir := write(t, func(body *hclwrite.Body, source cty.Value) {
		for i, name := range names {
			for _, state := range []string{"known", "unknown"} {
				module := state + label(i)
				given := values(t, withIRSA(all[name], variables(all[name])))
				if state == "unknown" {
					makeUnknown(body, module, given)
				}
				callPolicies(body, module, source, given)
				if state == "unknown" {
					referTo(body.Blocks()[len(body.Blocks())-1].Body(), module, given)
				}
				body.AppendNewBlock("output", []string{module}).Body().SetAttributeRaw("value", hclwrite.TokensForIdentifier("module."+module+".documents"))
			}
		}
	})
	x := in(t, program, dir)
	x.must(t, "plan", "-out=plan", "-input=false")
	var planned struct {
		Changes map[string]struct{ After map[string]string } `json:"output_changes"`
	}
	must(t, json.Unmarshal([]byte(x.must(t, "show", "-json", "plan")), &planned))
	x.must(t, "apply", "-input=false", "plan")
	var outputs map[string]struct{ Value map[string]string }
	must(t, json.Unmarshal([]byte(x.must(t, "output", "-json")), &outputs))
	for i, name := range names {
		for _, state := range []string{"known", "unknown"} {
			compareDocuments(t, name+", key "+state, all[name], outputs[state+label(i)].Value)
		}
		for _, document := range []string{"base-role-trust", "workload-trust-pod-identity", "key-policy", "vpc-endpoint-policy"} {
			if got := planned.Changes["unknown"+label(i)].After[document]; got == "" {
				t.Errorf("%s: %s is not known before there is a key", name, document)
			}
		}
	}
}

// makeUnknown gives the key and the provider to a resource that is only to be made.
func makeUnknown(body *hclwrite.Body, module string, given map[string]cty.Value) {
	body.AppendNewBlock("resource", []string{"terraform_data", module}).Body().SetAttributeValue("input", cty.ListVal([]cty.Value{
		given["kms_key_arn"], given["irsa"].GetAttr("oidc_provider_arn"),
	}))
}

// referTo takes them from there.
func referTo(call *hclwrite.Body, module string, given map[string]cty.Value) {
	made := func(index string) hclwrite.Tokens {
		return hclwrite.TokensForIdentifier("terraform_data." + module + ".output[" + index + "]")
	}
	call.SetAttributeRaw("kms_key_arn", made("0"))
	call.SetAttributeRaw("irsa", hclwrite.TokensForObject([]hclwrite.ObjectAttrTokens{
		{Name: hclwrite.TokensForIdentifier("oidc_provider_arn"), Value: made("1")},
		{Name: hclwrite.TokensForIdentifier("service_accounts"), Value: hclwrite.TokensForValue(given["irsa"].GetAttr("service_accounts"))},
	}))
}

// label is a name that a module may have.
func label(i int) string { return string(rune('a'+i/26)) + string(rune('a'+i%26)) }

// What our evaluation refuses is refused, with the same words. The program stops after a
// walk that has found something, so those that it has named are left out of the next plan.
func TestToolRefusesWhatTenancyRefuses(t *testing.T) {
	t.Parallel()
	program := program(t)
	if program == "" {
		return
	}
	module := load(t, policies)
	type call struct {
		about   string
		given   map[string]cty.Value
		refused []string
	}
	var left []call
	for _, mistake := range mistakes {
		in := example()
		mistake.make(&in)
		given := values(t, variables(in))
		e := module.evaluate(t, given)
		if len(e.refused) == 0 {
			e.output("documents")
		}
		left = append(left, call{mistake.about, given, e.refused})
	}
	for range 3 { // validation, variables by other variables, outputs
		dir := write(t, func(body *hclwrite.Body, source cty.Value) {
			for i, mistake := range left {
				callPolicies(body, "mistake"+label(i), source, mistake.given)
			}
		})
		said := in(t, program, dir).complaints(t)
		left = slices.DeleteFunc(left, func(mistake call) bool {
			return slices.ContainsFunc(mistake.refused, func(message string) bool { return strings.Contains(said, message) })
		})
	}
	for _, mistake := range left {
		t.Errorf("%s: nobody says any of %q", mistake.about, mistake.refused)
	}
}

// complaints are the details of what a plan finds wrong.
func (x tool) complaints(t *testing.T) string {
	t.Helper()
	out, _ := x.run(t, "plan", "-json", "-input=false")
	var said strings.Builder
	for line := range strings.Lines(out) {
		var message struct{ Diagnostic struct{ Detail string } }
		if json.Unmarshal([]byte(line), &message) == nil {
			said.WriteString(message.Diagnostic.Detail + "\n")
		}
	}
	return said.String()
}
