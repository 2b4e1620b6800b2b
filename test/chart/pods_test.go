package chart

import (
	"slices"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Pods hold to the restricted profile of the Pod Security Standards, and to a read-only root
// (https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted).
func TestPodsAreRestricted(t *testing.T) {
	t.Parallel()
	for _, e := range all {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			objects := e.objects(t, "")
			if n := len(each[*apps.Deployment](objects)); n != 3 {
				t.Fatalf("%d deployments", n)
			}
			for name, template := range templates(objects) {
				pod := template.Spec
				if s := pod.SecurityContext; !*s.RunAsNonRoot || *s.RunAsUser == 0 || s.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault {
					t.Errorf("%s: pod %+v", name, s)
				}
				if *pod.AutomountServiceAccountToken || pod.HostNetwork || pod.HostPID || pod.HostIPC {
					t.Errorf("%s: token %t or host", name, *pod.AutomountServiceAccountToken)
				}
				for _, c := range pod.Containers {
					s := c.SecurityContext
					if *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || !*s.RunAsNonRoot || s.Privileged != nil ||
						!slices.Equal(s.Capabilities.Drop, []core.Capability{"ALL"}) || s.Capabilities.Add != nil {
						t.Errorf("%s: container %+v", name, s)
					}
					if c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() {
						t.Errorf("%s: resources %v", name, c.Resources)
					}
				}
				for _, v := range pod.Volumes {
					if v.HostPath != nil {
						t.Errorf("%s: volume %s is of the node", name, v.Name)
					}
				}
			}
		})
	}
}

// What is mounted is a volume, and no file is mounted in two places or over another.
func TestMountsAreVolumes(t *testing.T) {
	t.Parallel()
	for _, e := range all {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			for name, template := range templates(e.objects(t, "")) {
				volumes, used := map[string]bool{}, map[string]bool{}
				for _, v := range template.Spec.Volumes {
					volumes[v.Name] = true
				}
				for _, m := range template.Spec.Containers[0].VolumeMounts {
					if !volumes[m.Name] || used[m.MountPath] {
						t.Errorf("%s mounts %s at %s", name, m.Name, m.MountPath)
					}
					used[m.MountPath] = true
					delete(volumes, m.Name)
				}
				if len(volumes) > 0 {
					t.Errorf("%s mounts %v nowhere", name, volumes)
				}
			}
		})
	}
}

// Probes ask ports that exist, with the protocol that is spoken there, and give a first
// migration longer than replicas wait for each other, which is five minutes.
func TestProbes(t *testing.T) {
	t.Parallel()
	for _, e := range all {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			scheme := core.URISchemeHTTPS
			if e.name == "trial" {
				scheme = core.URISchemeHTTP
			}
			for _, d := range each[*apps.Deployment](e.objects(t, "")) {
				c := d.Spec.Template.Spec.Containers[0]
				for path, probe := range map[string]*core.Probe{"/readyz": c.ReadinessProbe, "/healthz": c.LivenessProbe} {
					get := probe.HTTPGet
					if get.Path != path || get.Scheme != scheme || !slices.ContainsFunc(c.Ports, func(p core.ContainerPort) bool { return p.Name == get.Port.StrVal }) {
						t.Errorf("%s: %s is asked as %+v", d.Name, path, get)
					}
				}
				if s := c.StartupProbe; s.HTTPGet.Scheme != scheme || s.PeriodSeconds*s.FailureThreshold <= 300 {
					t.Errorf("%s: start %+v", d.Name, s)
				}
			}
		})
	}
}

// TestGracePeriod: nobody is killed before what it may still do is over.
func TestGracePeriod(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		more              string
		controlplane, cas int64
	}{
		{"", 33, 33},
		{"controlplane: {drainDelay: 1m}", 90, 33},
		{"cas: {limits: {drainDelay: 1500ms, drainTime: 1h2m3s}}", 33, 3735},
		{"cas: {limits: {drainDelay: 0s, drainTime: 0.5s}}", 33, 11},
	} {
		for _, d := range each[*apps.Deployment](all[1].objects(t, row.more)) {
			want := map[string]int64{"backend": 30, "controlplane": row.controlplane, "cas": row.cas}[d.Labels["app.kubernetes.io/component"]]
			if got := *d.Spec.Template.Spec.TerminationGracePeriodSeconds; got != want {
				t.Errorf("%s with %q: %d s, want %d", d.Name, row.more, got, want)
			}
		}
	}
}

// A change of the configuration replaces the pods; one of the number of replicas does not.
func TestConfigurationReplacesPods(t *testing.T) {
	t.Parallel()
	checksum := func(more string) string {
		return each[*apps.Deployment](all[0].objects(t, more))[0].Spec.Template.Annotations["checksum/config"]
	}
	before := checksum("")
	if before == "" || checksum("cas: {sessionReuse: 1m}") == before {
		t.Error("another configuration, the same pods")
	}
	if checksum("cas: {replicas: 7}") != before {
		t.Error("the same configuration, other pods")
	}
}

// Where SQLite's file is shared, all pods are on one node, and an old one ends before a new
// one begins.
func TestSQLiteIsOnOneNode(t *testing.T) {
	t.Parallel()
	deployments := each[*apps.Deployment](all[2].objects(t, ""))
	for _, d := range deployments {
		if d.Spec.Strategy.Type != apps.RecreateDeploymentStrategyType || *d.Spec.Replicas != 1 {
			t.Errorf("%s: %+v of %d", d.Name, d.Spec.Strategy, *d.Spec.Replicas)
		}
		terms := d.Spec.Template.Spec.Affinity.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution
		if len(terms) != 1 || terms[0].TopologyKey != core.LabelHostname {
			t.Fatalf("%s: %+v", d.Name, terms)
		}
		for _, other := range deployments {
			if !matches(t, terms[0].LabelSelector, other.Spec.Template.Labels) {
				t.Errorf("%s need not be where %s is", d.Name, other.Name)
			}
		}
	}
}

func matches(t *testing.T, selector *meta.LabelSelector, of map[string]string) bool {
	t.Helper()
	s, err := meta.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	return !s.Empty() && s.Matches(labels.Set(of))
}

// Vault wants to see the token of the service account, and the control plane does not ask it.
func TestOnlyVaultSeesTheServiceAccount(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		store string
		sees  []string
	}{
		{"{driver: vault, vault: {address: 'https://vault.example', role: x}}", []string{"backend", "cas"}},
		{"{driver: vault, vault: {address: 'https://vault.example', auth: approle}}", nil},
		{"{driver: awsSecretsManager}", nil},
	} {
		var sees []string
		for _, d := range each[*apps.Deployment](all[0].objects(t, "secretStore: "+row.store)) {
			if *d.Spec.Template.Spec.AutomountServiceAccountToken {
				sees = append(sees, strings.TrimPrefix(d.Name, "prod-managedcas-"))
			}
		}
		slices.Sort(sees)
		if !slices.Equal(sees, row.sees) {
			t.Errorf("%s: %v see it", row.store, sees)
		}
	}
}
