package chart

import (
	"slices"
	"testing"

	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// pods returns the deployments and jobs whose pods a selector finds.
func pods(t *testing.T, objects []object, selector *meta.LabelSelector) []string {
	t.Helper()
	var found []string
	for name, pod := range templates(objects) {
		if matches(t, selector, pod.Labels) {
			found = append(found, name)
		}
	}
	return found
}

// Whatever is for the pods of one role finds them, and no others; the ports that it names are
// those of the container.
func TestSelectorsFindOneRole(t *testing.T) {
	t.Parallel()
	for _, e := range all {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			objects := e.objects(t, "")
			check := func(o object, selector *meta.LabelSelector) {
				if found := pods(t, objects, selector); !slices.Equal(found, []string{o.GetName()}) {
					t.Errorf("%T %s finds %v", o, o.GetName(), found)
				}
			}
			for _, d := range each[*apps.Deployment](objects) {
				check(d, d.Spec.Selector)
			}
			for _, p := range each[*policy.PodDisruptionBudget](objects) {
				check(p, p.Spec.Selector)
			}
			for _, p := range each[*networking.NetworkPolicy](objects) {
				check(p, &p.Spec.PodSelector)
			}
			for _, s := range each[*core.Service](objects) {
				check(s, &meta.LabelSelector{MatchLabels: s.Spec.Selector})
				for _, d := range each[*apps.Deployment](objects) {
					if d.Name != s.Name {
						continue
					}
					for _, port := range s.Spec.Ports {
						if !slices.ContainsFunc(d.Spec.Template.Spec.Containers[0].Ports, func(p core.ContainerPort) bool {
							return p.Name == port.TargetPort.StrVal && p.ContainerPort == port.Port
						}) {
							t.Errorf("%s has no port for %+v", s.Name, port)
						}
					}
				}
			}
		})
	}
}

// Each role has a budget where it has replicas, and cas scales where it is told to.
func TestAvailability(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][2]int{"irsa": {3, 0}, "pod-identity": {3, 1}, "trial": {0, 0}} {
		e := all[slices.IndexFunc(all, func(e example) bool { return e.name == name })]
		objects := e.objects(t, "")
		if n := len(each[*policy.PodDisruptionBudget](objects)); n != want[0] {
			t.Errorf("%s: %d budgets", name, n)
		}
		scalers := each[*autoscaling.HorizontalPodAutoscaler](objects)
		if len(scalers) != want[1] {
			t.Errorf("%s: %d autoscalers", name, len(scalers))
		}
		for _, d := range each[*apps.Deployment](objects) {
			scaled := len(scalers) > 0 && scalers[0].Spec.ScaleTargetRef.Name == d.Name
			if scaled != (d.Spec.Replicas == nil) {
				t.Errorf("%s: scaled %t, replicas %v", d.Name, scaled, d.Spec.Replicas)
			}
		}
	}
}

// Nobody calls the backend, and no pod reaches the credentials of its node: of link-local
// addresses there is the agent of Pod Identity alone, and port 80 nowhere else.
func TestNetworkPolicies(t *testing.T) {
	t.Parallel()
	for _, e := range all {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			for _, p := range each[*networking.NetworkPolicy](e.objects(t, "networkPolicy: {metrics: []}")) {
				if !slices.Equal(p.Spec.PolicyTypes, []networking.PolicyType{"Ingress", "Egress"}) {
					t.Errorf("%s: %v", p.Name, p.Spec.PolicyTypes)
				}
				if p.Labels["app.kubernetes.io/component"] == "backend" && len(p.Spec.Ingress) > 0 {
					t.Errorf("%s: %+v", p.Name, p.Spec.Ingress)
				}
				for _, rule := range p.Spec.Egress {
					if len(rule.Ports) == 0 {
						t.Errorf("%s: every port of %+v", p.Name, rule.To)
					}
					plain := slices.ContainsFunc(rule.Ports, func(port networking.NetworkPolicyPort) bool { return *port.Port == intstr.FromInt32(80) })
					if plain && (len(rule.To) != 2 || rule.To[0].IPBlock.CIDR != "169.254.170.23/32" || rule.To[1].IPBlock.CIDR != "fd00:ec2::23/128") {
						t.Errorf("%s: port 80 of %+v", p.Name, rule.To)
					}
				}
			}
		})
	}
}

// Metrics are for those who are said to see them, and for nobody else: whoever may call the
// control plane or cas, through an ingress or not.
func TestMetricsAreForPrometheus(t *testing.T) {
	t.Parallel()
	const prometheus = "{podSelector: {matchLabels: {app: prometheus}}}"
	for _, e := range all {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			for peers, want := range map[string]int{"": 0, prometheus: 1} {
				objects := e.objects(t, "networkPolicy: {clients: [], metrics: ["+peers+"]}")
				for _, p := range each[*networking.NetworkPolicy](objects) {
					rules := slices.DeleteFunc(p.Spec.Ingress, func(r networking.NetworkPolicyIngressRule) bool {
						return !slices.ContainsFunc(r.Ports, func(port networking.NetworkPolicyPort) bool { return port.Port.StrVal == "metrics" })
					})
					if role := p.Labels["app.kubernetes.io/component"]; role != "migrate" && len(rules) != want {
						t.Errorf("%s: %d rules for metrics, want %d", p.Name, len(rules), want)
					}
					for _, r := range rules {
						if len(r.From) != 1 || r.From[0].PodSelector.MatchLabels["app"] != "prometheus" {
							t.Errorf("%s lets %+v see metrics", p.Name, r.From)
						}
					}
				}
				for _, i := range each[*networking.Ingress](objects) {
					if port := i.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Port.Name; port == "metrics" {
						t.Errorf("%s leads to %s", i.Name, port)
					}
				}
			}
		})
	}
}

// Each ingress leads to a port of a service that there is.
func TestIngressLeadsToServices(t *testing.T) {
	t.Parallel()
	objects := all[0].objects(t, "")
	found := each[*networking.Ingress](objects)
	if len(found) != 4 {
		t.Errorf("%d ingresses", len(found))
	}
	for _, i := range found {
		to := i.Spec.Rules[0].HTTP.Paths[0].Backend.Service
		if !slices.ContainsFunc(each[*core.Service](objects), func(s *core.Service) bool {
			return s.Name == to.Name && slices.ContainsFunc(s.Spec.Ports, func(p core.ServicePort) bool { return p.Name == to.Port.Name })
		}) {
			t.Errorf("%s leads to %+v", i.Name, to)
		}
	}
}
