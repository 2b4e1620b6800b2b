package chart

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	certmanager "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// object is anything that has a name in a cluster.
type object interface{ meta.Object }

// kinds are those that the chart has, by apiVersion and kind.
var kinds = map[string]func() object{
	"apps/v1 Deployment":                      func() object { return new(apps.Deployment) },
	"batch/v1 Job":                            func() object { return new(batch.Job) },
	"autoscaling/v2 HorizontalPodAutoscaler":  func() object { return new(autoscaling.HorizontalPodAutoscaler) },
	"cert-manager.io/v1 Certificate":          func() object { return new(certmanager.Certificate) },
	"monitoring.coreos.com/v1 PrometheusRule": func() object { return new(monitoring.PrometheusRule) },
	"monitoring.coreos.com/v1 ServiceMonitor": func() object { return new(monitoring.ServiceMonitor) },
	"networking.k8s.io/v1 Ingress":            func() object { return new(networking.Ingress) },
	"networking.k8s.io/v1 NetworkPolicy":      func() object { return new(networking.NetworkPolicy) },
	"policy/v1 PodDisruptionBudget":           func() object { return new(policy.PodDisruptionBudget) },
	"v1 ConfigMap":                            func() object { return new(core.ConfigMap) },
	"v1 PersistentVolumeClaim":                func() object { return new(core.PersistentVolumeClaim) },
	"v1 Secret":                               func() object { return new(core.Secret) },
	"v1 Service":                              func() object { return new(core.Service) },
	"v1 ServiceAccount":                       func() object { return new(core.ServiceAccount) },
}

// decode reads manifests as an API server with strict field validation does: a field that the
// type does not have, or one that is given twice, is an error.
func decode(text string) ([]object, error) {
	var found []object
	for document := range strings.SplitSeq("\n"+text, "\n---\n") {
		if strings.TrimSpace(document) == "" {
			continue
		}
		var kind meta.TypeMeta
		if err := yaml.Unmarshal([]byte(document), &kind); err != nil {
			return nil, fmt.Errorf("%w in\n%s", err, document)
		}
		make, known := kinds[kind.APIVersion+" "+kind.Kind]
		if !known {
			return nil, fmt.Errorf("%s %s is no kind of this chart:\n%s", kind.APIVersion, kind.Kind, document)
		}
		into := make()
		if err := strictly(document, into); err != nil {
			return nil, fmt.Errorf("%w in\n%s", err, document)
		}
		found = append(found, into)
	}
	return found, nil
}

// strictly uses the API server's own decoder, to which names that differ in case are others.
func strictly(document string, into any) error {
	text, err := yaml.YAMLToJSONStrict([]byte(document))
	if err != nil {
		return err
	}
	strict, err := json.UnmarshalStrict(text, into)
	return errors.Join(append(strict, err)...)
}

// objects renders an example with more values, and reads it.
func (e example) objects(t *testing.T, more string) []object {
	t.Helper()
	rendered, err := e.render(t, e.values(t, more))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := manifests(rendered)
	found, err := decode(text)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// each returns the objects of one kind.
func each[T object](objects []object) []T {
	var found []T
	for _, o := range objects {
		if o, ok := o.(T); ok {
			found = append(found, o)
		}
	}
	return found
}

// templates returns the pods of deployments and jobs, by the names of these.
func templates(objects []object) map[string]core.PodTemplateSpec {
	pods := map[string]core.PodTemplateSpec{}
	for _, d := range each[*apps.Deployment](objects) {
		pods[d.Name] = d.Spec.Template
	}
	for _, j := range each[*batch.Job](objects) {
		pods[j.Name] = j.Spec.Template
	}
	return pods
}

// A strict decoder that lets anything through would prove nothing.
func TestDecodingIsStrict(t *testing.T) {
	t.Parallel()
	const service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {ports: [{port: 1}]}\n"
	if _, err := decode(service); err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"a field that does not exist": strings.Replace(service, "port: 1", "prot: 1", 1),
		"a field in another case":     strings.Replace(service, "port: 1", "Port: 1", 1),
		"a field that is there twice": service + "spec: {}\n",
		"a text where a number goes":  strings.Replace(service, "port: 1", "port: http", 1),
		"a kind of somebody else":     strings.Replace(service, "Service", "CronJob", 1),
	} {
		if _, err := decode(text); err == nil {
			t.Errorf("%s is let through", what)
		}
	}
}

func TestExamplesAreWhatKubernetesKnows(t *testing.T) {
	t.Parallel()
	for _, e := range all {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			seen := map[string]bool{}
			for _, o := range e.objects(t, "") {
				name := fmt.Sprintf("%T %s", o, o.GetName())
				if seen[name] {
					t.Errorf("%s is there twice", name)
				}
				seen[name] = true
				if o.GetNamespace() != e.namespace {
					t.Errorf("%s is in the namespace %q", name, o.GetNamespace())
				}
				if o.GetLabels()["app.kubernetes.io/instance"] != e.release {
					t.Errorf("%s has the labels %v", name, o.GetLabels())
				}
			}
			if len(seen) < 10 {
				t.Errorf("only %d objects", len(seen))
			}
		})
	}
}
