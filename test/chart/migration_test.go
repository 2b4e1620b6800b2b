package chart

import (
	"testing"

	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
)

// TestMigrationJob: what runs before a release is made needs nothing that the release makes.
func TestMigrationJob(t *testing.T) {
	t.Parallel()
	for _, e := range all {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			if e.name != "irsa" {
				if n := len(each[*batch.Job](e.objects(t, ""))); n != 0 {
					t.Errorf("%d jobs that nobody wanted", n)
				}
				return
			}
			objects := e.objects(t, "")
			made := map[string]bool{}
			for _, o := range objects {
				switch o.(type) {
				case *core.Secret, *core.ConfigMap, *core.ServiceAccount, *core.PersistentVolumeClaim:
					made[o.GetName()] = true
				}
			}
			jobs := each[*batch.Job](objects)
			if len(jobs) != 1 {
				t.Fatalf("%d jobs", len(jobs))
			}
			pod := jobs[0].Spec.Template.Spec
			if made[pod.ServiceAccountName] {
				t.Errorf("its service account %s is not there yet", pod.ServiceAccountName)
			}
			for _, v := range pod.Volumes {
				if v.Secret == nil || made[v.Secret.SecretName] {
					t.Errorf("its volume %s is not there yet: %+v", v.Name, v.VolumeSource)
				}
			}
			image := each[*apps.Deployment](objects)[0].Spec.Template.Spec.Containers[0].Image
			if pod.Containers[0].Image != image {
				t.Errorf("it is %s, and what it migrates for is %s", pod.Containers[0].Image, image)
			}
			// Made with the job, and earlier.
			for _, p := range each[*networking.NetworkPolicy](objects) {
				if matches(t, &p.Spec.PodSelector, jobs[0].Spec.Template.Labels) && (p.Annotations["helm.sh/hook"] != jobs[0].Annotations["helm.sh/hook"] || p.Annotations["helm.sh/hook-weight"] != "-1") {
					t.Errorf("%s is made with %v", p.Name, p.Annotations)
				}
			}
		})
	}
}
