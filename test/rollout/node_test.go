package rollout

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// node is what the machine of the pods does for them: it mounts volumes below a directory of
// its own, and knows secrets and claims.
type node struct {
	t       *testing.T
	config  string                       // of the ConfigMap, with the replacements of this node
	secrets map[string]map[string]string // that the operator has made, by name and key
	claims  map[string]string            // directories of volumes, by the name of the claim
	dir     string
}

// The two places that the chart mounts things at. On this node they are below a directory.
const (
	etcPath  = "/etc/managedcas/"
	dataPath = "/var/lib/managedcas"
)

// here is text with the paths that a pod of role has on this node.
func (n *node) here(role, text string) string {
	text = strings.ReplaceAll(text, etcPath, filepath.Join(n.dir, role)+etcPath)
	for _, dir := range n.claims { // there is one at most
		text = strings.ReplaceAll(text, dataPath, dir)
	}
	return text
}

// mount puts the volumes of a pod where its container has them. A secret that nobody has made,
// or a key that it does not have, keeps a pod from starting.
func (n *node) mount(role string, p pod) {
	n.t.Helper()
	for _, m := range p.Containers[0].VolumeMounts {
		i := slices.IndexFunc(p.Volumes, func(v volume) bool { return v.Name == m.Name })
		if i < 0 {
			n.t.Fatalf("%s mounts %s, which is no volume", role, m.Name)
		}
		files := map[string]string{}
		switch v := p.Volumes[i]; {
		case v.ConfigMap != nil:
			files["managedcas.yaml"] = n.here(role, n.config)
		case v.Secret != nil && v.Secret.Items == nil:
			files = n.secrets[v.Secret.SecretName]
		case v.Secret != nil:
			for _, item := range v.Secret.Items {
				files[item.Path] = n.secrets[v.Secret.SecretName][item.Key]
			}
		case v.PersistentVolumeClaim != nil:
			if m.MountPath != dataPath || n.claims[v.PersistentVolumeClaim.ClaimName] == "" {
				n.t.Fatalf("%s has %s at %s", role, v.PersistentVolumeClaim.ClaimName, m.MountPath)
			}
			continue
		case v.EmptyDir != nil:
			continue
		default:
			n.t.Fatalf("%s has a volume %+v of a kind that is not known here", role, v)
		}
		if len(files) == 0 || slices.Contains(slices.Collect(maps.Values(files)), "") {
			n.t.Fatalf("%s has nothing to mount at %s: %+v", role, m.MountPath, p.Volumes[i])
		}
		n.write(n.here(role, m.MountPath+"/"), files)
	}
}

// write makes files as Kubernetes does: behind a symbolic link that it can swap.
func (n *node) write(dir string, files map[string]string) {
	n.t.Helper()
	version := filepath.Join(dir, "..version")
	must(n.t, os.MkdirAll(version, 0o700))
	must(n.t, os.Symlink("..version", filepath.Join(dir, "..data")))
	for name, text := range files {
		must(n.t, os.WriteFile(filepath.Join(version, name), []byte(text), 0o600))
		must(n.t, os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
