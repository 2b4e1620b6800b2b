package rollout

import (
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// manifests are what the chart renders of one example, as far as a cluster makes processes
// of it. test/chart renders them and holds them to the types of Kubernetes.
type manifests struct {
	config      string
	accounts    map[string]serviceAccount
	deployments map[string]deployment // by role
	migration   *deployment           // the job, where there is one
	notes       string
}

type objectMeta struct {
	Name, Namespace     string
	Labels, Annotations map[string]string
}

type serviceAccount struct{ Metadata objectMeta }

type deployment struct {
	Metadata objectMeta
	Spec     struct{ Template struct{ Spec pod } }
}

type pod struct {
	ServiceAccountName string `yaml:"serviceAccountName"`
	Containers         []struct {
		Args         []string
		Env          []struct{ Name, Value string }
		VolumeMounts []mount `yaml:"volumeMounts"`
	}
	Volumes []volume
}

type mount struct {
	Name      string
	MountPath string `yaml:"mountPath"`
}

// volume is of one of the kinds that the chart has.
type volume struct {
	Name      string
	ConfigMap *struct{ Name string } `yaml:"configMap"`
	Secret    *struct {
		SecretName string `yaml:"secretName"`
		Items      []struct{ Key, Path string }
	}
	PersistentVolumeClaim *struct {
		ClaimName string `yaml:"claimName"`
	} `yaml:"persistentVolumeClaim"`
	EmptyDir *struct{} `yaml:"emptyDir"`
}

// rendered reads an example.
func rendered(t *testing.T, name string) manifests {
	t.Helper()
	m := manifests{accounts: map[string]serviceAccount{}, deployments: map[string]deployment{}}
	m.notes = read(t, "../chart/testdata/"+name+".notes.txt")
	for document := range strings.SplitSeq("\n"+read(t, "../chart/testdata/"+name+".yaml"), "\n---\n") {
		var kind struct{ Kind string }
		unmarshal(t, document, &kind)
		switch kind.Kind {
		case "ConfigMap":
			var c struct{ Data map[string]string }
			unmarshal(t, document, &c)
			if text, has := c.Data["managedcas.yaml"]; has {
				m.config = text
			}
		case "ServiceAccount":
			var a serviceAccount
			unmarshal(t, document, &a)
			m.accounts[a.Metadata.Name] = a
		case "Job":
			m.migration = new(deployment) // as far as it is read here
			unmarshal(t, document, m.migration)
		case "Deployment":
			var d deployment
			unmarshal(t, document, &d)
			m.deployments[d.Metadata.Labels["app.kubernetes.io/component"]] = d
		}
	}
	if m.config == "" || len(m.deployments) != 3 {
		t.Fatalf("%s: %d deployments, and a configuration of %d bytes", name, len(m.deployments), len(m.config))
	}
	return m
}

func unmarshal(t *testing.T, text string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
