package s3policy

import (
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
)

// action is an action of S3 and the resources it applies to.
type action struct {
	name string
	on   resources
}

func (a action) matches(pattern string) bool { return iam.ActionMatches(pattern, "s3:"+a.name) }

// everywhere stands for the resources of a statement that does not list them.
const everywhere = bucket | object | accessPoint | accessPointObject

func (a action) fits(on resources) bool { return on == everywhere || a.on&on != 0 }

// actions is the table of actions as a list.
var actions = func() []action {
	var all []action
	for on, names := range actionsOn {
		for _, name := range names {
			all = append(all, action{name, on})
		}
	}
	return all
}()

// key is a condition key: general, or of the actions listed.
type key struct {
	general bool
	actions []string
}

func (k key) appliesTo(a action) bool { return k.general || slices.Contains(k.actions, a.name) }

// lookUp finds a condition key, which has no case. The global keys are not judged by
// name: AWS adds to them, and they go with every action.
func lookUp(name string) (key, bool) {
	name = strings.ToLower(name)
	if rest, global := strings.CutPrefix(name, "aws:"); global {
		return key{general: true}, rest != ""
	}
	if family, tag, ok := strings.Cut(name, "/"); ok && tag != "" {
		name = family + "/"
	} else if ok {
		return key{}, false
	}
	if slices.Contains(generalKeys, name) {
		return key{general: true}, true
	}
	names, ok := keysOf[name]
	return key{actions: names}, ok
}
