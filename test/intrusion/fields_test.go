package intrusion

import (
	"fmt"
	"hash/crc32"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
)

// method is a line of the table: who is meant to answer, and a request that is good but for
// what the attacker puts into it ($new is a name that nobody has).
type method struct {
	guard   guard
	request string
}

// guard says what a method makes of a call that names another organization than its token's.
type guard string

const (
	guarded guard = "guarded" // refused, the same way whether that one exists or not
	open    guard = "open"    // it asks for no token, and knows no organization
	deaf    guard = "deaf"    // it does not listen: its token alone says whose artifacts are meant
)

// field is a line of the table: what the other organization's values of one kind come to in
// a field. Values of all other kinds are tried, too; to each, the answer must be the one
// that a value gets that nobody has.
type field struct {
	apt kind
	// first and second are outcomes: of the control plane for an owner of acme and for a
	// token of acme; of the CAS for an uploader, and a downloader of an artifact of globex.
	first, second string
	// tells says why the answer may depend on what others have.
	tells string
}

// TestEveryMethodHasItsLines reads the registered services, and finds what is not in the
// table and what only the table knows.
func TestEveryMethodHasItsLines(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	known, places := map[string]bool{}, map[string]bool{}
	for _, m := range s.all() {
		known[m] = true
		if _, ok := methods[m]; !ok {
			t.Errorf("the new method %s has no line. Add to methods in test/intrusion/table_test.go:\n\t%q: {guarded, ``},\n"+
				"with a request that is good, in prototext; deaf for methods of the CAS, open for those that need no token", m, m)
		}
		for _, path := range textFields(descriptor(t, m).Input(), "", 0) {
			place := m + " " + path
			places[place] = true
			if _, ok := fields[place]; !ok {
				t.Errorf("the field %s has no line. Add to fields in test/intrusion/table_test.go:\n\t%q: {names, notFound, notForTokens, \"\"},\n"+
					"with the kind of value that it is made for, and what comes of another organization's: first for an owner, then for a token\n"+
					"(of the CAS: an uploader, a downloader). A first guess is enough, the test says what it got", place, place)
			}
		}
	}
	for m := range methods {
		if !known[m] {
			t.Errorf("methods in table_test.go has a line for %s, which no server has", m)
		}
	}
	for place := range fields {
		if !places[place] {
			t.Errorf("fields in table_test.go has a line for %s, which no request has", place)
		}
	}
}

const deepest = 4 // messages in messages

// textFields returns the paths of all fields that can hold text.
func textFields(m protoreflect.MessageDescriptor, before string, depth int) []string {
	var paths []string
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		path := before + string(f.Name())
		switch {
		case f.IsMap(), f.Kind() == protoreflect.StringKind, f.Kind() == protoreflect.BytesKind,
			f.Message() != nil && f.Message().FullName() == "google.protobuf.Struct":
			paths = append(paths, path)
		case f.Message() != nil && depth < deepest:
			paths = append(paths, textFields(f.Message(), path+".", depth+1)...)
		}
	}
	return paths
}

// put sets the field at path to a text.
func put(m protoreflect.Message, path, value string) {
	name, rest, deeper := strings.Cut(path, ".")
	f := m.Descriptor().Fields().ByName(protoreflect.Name(name))
	text := func(f protoreflect.FieldDescriptor) protoreflect.Value {
		if f.Kind() == protoreflect.BytesKind {
			return protoreflect.ValueOfBytes([]byte(value))
		}
		return protoreflect.ValueOfString(value)
	}
	switch {
	case f.IsMap():
		if f.MapKey().Kind() == protoreflect.StringKind && f.MapValue().Kind() == protoreflect.StringKind {
			m.Mutable(f).Map().Set(protoreflect.ValueOfString(value).MapKey(), protoreflect.ValueOfString(value))
		}
	case f.IsList() && deeper:
		list := m.Mutable(f).List()
		element := list.NewElement()
		put(element.Message(), rest, value)
		list.Append(element)
	case f.IsList():
		m.Mutable(f).List().Append(text(f))
	case deeper:
		put(m.Mutable(f).Message(), rest, value)
	case f.Message() != nil: // a Struct
		wire, _ := proto.Marshal(&structpb.Struct{Fields: map[string]*structpb.Value{"id": structpb.NewStringValue(value)}})
		_ = proto.Unmarshal(wire, m.Mutable(f).Message().Interface())
	default:
		m.Set(f, text(f))
	}
}

// request is a line's, with a value in the field at path; "" puts it nowhere.
func request(t *testing.T, m, path, value string) proto.Message {
	t.Helper()
	text := strings.ReplaceAll(methods[m].request, "$new", nobodys(names, ""))
	req := dynamicpb.NewMessage(descriptor(t, m).Input())
	if err := prototext.Unmarshal([]byte(text), req); err != nil {
		t.Fatalf("the request of %s in table_test.go: %v", m, err)
	}
	if path != "" {
		first, _, _ := strings.Cut(path, ".")
		if f := req.Descriptor().Fields().ByName(protoreflect.Name(first)); f.IsList() {
			req.Clear(f)
		}
		put(req, path, value)
	}
	return req
}

// differs is what may be different in two answers that are the same.
var differs = []*regexp.Regexp{
	regexp.MustCompile(`[\w+/]{43}=`), // a checksum is the digest in another form; before tokens, for it may have eyJ in it
	regexp.MustCompile(`eyJ[\w.-]+`),
	regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`),
	regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z`),
	regexp.MustCompile(`\bw[0-9a-f]{12}\b`), // $new
	regexp.MustCompile(`\s`),                // protojson puts spaces in at random
	regexp.MustCompile(`-[0-9a-f]{8}\b`),    // a contract's name ends with a checksum of the workflow's
	regexp.MustCompile(`"[^"]*…"`),          // so do we
	regexp.MustCompile("`[^`]*`"),           // a parser cuts off what it quotes
	regexp.MustCompile(`X-Amz-[\w-]+=[^&"]*`),
	regexp.MustCompile(`:\d+`), // how long a throttled caller has to wait
}

// same returns an answer's outcome and messages, without what the caller said and what is
// new in every answer.
func same(a answer, said string) string {
	text := a.outcome + " " + a.shown
	if said != "" {
		text = strings.NewReplacer(said, "<said>", url.PathEscape(said), "<said>").Replace(text)
	}
	for _, d := range differs {
		text = d.ReplaceAllString(text, "~")
	}
	return text
}

// TestTheirValuesInEveryField is the heart of the suite.
func TestTheirValuesInEveryField(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	own, before := s.snapshot(t, s.acme), s.snapshot(t, s.globex)
	for _, place := range slices.Sorted(maps.Keys(fields)) {
		m, path, _ := strings.Cut(place, " ")
		if !slices.Contains(s.all(), m) {
			continue // TestEveryMethodHasItsLines says so
		}
		for i, want := range []string{fields[place].first, fields[place].second} {
			conn, attackers := s.attackers(t, m)
			s.try(t, conn, attackers[i], m, path, fields[place], want)
			if after := s.snapshot(t, s.globex); after != before {
				t.Fatalf("%s: globex has changed.\nbefore:\n%s\nafter:\n%s", place, before, after)
			}
			if makes(m) && want == ok || s.snapshot(t, s.acme) != own { // names that acme has given itself are found in its lists
				s = newScene(t)
				own, before = s.snapshot(t, s.acme), s.snapshot(t, s.globex)
			}
		}
	}
	got := send(t, s.conn, caller{token: s.globex.token}, "managedcas.v1.ArtifactService/List", request(t, "managedcas.v1.ArtifactService/List", "", ""))
	if len(s.globex.leaks(got)) == 0 {
		t.Error("globex does not see its own artifacts: what was looked for could not be found")
	}
}

// makes reports whether a method may make something of the name that it is given.
func makes(m string) bool { return strings.Contains(m, "Create") || strings.HasSuffix(m, "/Init") }

// try puts globex's values into a field: all of the kind that it is made for, and one of
// every other; but whom the method does not even let in tries only the first of the kind.
func (s *scene) try(t *testing.T, conn *grpc.ClientConn, as caller, m, path string, f field, want string) {
	t.Helper()
	for k, values := range s.globex.values {
		shut := strings.HasPrefix(want, "PermissionDenied") && want != noMember
		if k != f.apt && (shut || !oddKindOf(m+path, k)) {
			continue
		}
		if k != f.apt || shut {
			values = values[:1]
		}
		for _, value := range values {
			what := fmt.Sprintf("%s %s = %s of globex, as %s", m, path, k, as.name)
			got := send(t, conn, s.bound(t, as, value), m, request(t, m, path, value))
			s.globex.keepsQuiet(t, what, got, value)
			if k == f.apt && strings.ReplaceAll(got.outcome, value, "$said") != want {
				t.Errorf("%s:\n got %q\nwant %q", what, strings.ReplaceAll(got.outcome, value, "$said"), want)
			}
			if f.tells != "" {
				continue
			}
			twin := nobodys(k, value)
			if other := send(t, conn, s.bound(t, as, twin), m, request(t, m, path, twin)); same(got, value) != same(other, twin) {
				t.Errorf("%s: the answer tells that there is one:\n%s\nand of one that nobody has:\n%s", what, same(got, value), same(other, twin))
			}
		}
	}
}

// oddKindOf reports whether a field is given a value of a kind that it is not made for.
func oddKindOf(field string, k kind) bool {
	return crc32.ChecksumIEEE([]byte(field+string(k)))%oddKinds == 0
}

// bound is a downloader with a token for the digest that it asks for, which the control
// plane gives to whoever names one; others are as they were.
func (s *scene) bound(t *testing.T, as caller, value string) caller {
	t.Helper()
	d, err := digest.Parse("sha256:" + strings.TrimPrefix(value, "sha256:"))
	if as.name == "downloader" && err == nil {
		as.token = s.rig.Token(t, cas.Grant{Org: s.acme.org.ID, Role: cas.Downloader, Digest: d})
	}
	return as
}
