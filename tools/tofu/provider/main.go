// Command provider stands in for a provider of OpenTofu that cannot be asked: it has the
// resources and data sources that a file lists, takes their arguments as they are, makes
// nothing, and answers what the file says. With it OpenTofu's own graph, plans and applies
// of a configuration can be run where there is neither the provider nor an account.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5/tf5server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// kind is a resource, or a data source where its name begins with "data.".
type kind struct {
	body
	// Exports are attributes besides the arguments: a text, in which {name} stands for that
	// argument, or a JSON list.
	Exports map[string]string
}

type body struct {
	Required, Optional map[string]json.RawMessage // types, as OpenTofu writes them in JSON
	Blocks             map[string]body
}

func main() {
	text, err := os.ReadFile(os.Getenv("PROVIDER_KINDS"))
	if err != nil {
		log.Fatal("PROVIDER_KINDS must name a file: ", err)
	}
	kinds := map[string]kind{}
	if err := json.Unmarshal(text, &kinds); err != nil {
		log.Fatal(err)
	}
	err = tf5server.Serve("hashicorp/aws", func() tfprotov5.ProviderServer { return &server{kinds: kinds} })
	if err != nil {
		log.Fatal(err)
	}
}

func (k kind) schema() *tfprotov5.Schema {
	block := k.body.block()
	for name := range k.Exports {
		block.Attributes = append(block.Attributes, &tfprotov5.SchemaAttribute{Name: name, Type: tftypes.DynamicPseudoType, Computed: true})
	}
	return &tfprotov5.Schema{Block: block}
}

func (b body) block() *tfprotov5.SchemaBlock {
	block := &tfprotov5.SchemaBlock{}
	for name, text := range b.Required {
		block.Attributes = append(block.Attributes, &tfprotov5.SchemaAttribute{Name: name, Type: parse(text), Required: true})
	}
	for name, text := range b.Optional {
		block.Attributes = append(block.Attributes, &tfprotov5.SchemaAttribute{Name: name, Type: parse(text), Optional: true})
	}
	for name, inner := range b.Blocks {
		block.BlockTypes = append(block.BlockTypes, &tfprotov5.SchemaNestedBlock{TypeName: name, Block: inner.block(), Nesting: tfprotov5.SchemaNestedBlockNestingModeList})
	}
	return block
}

func parse(text []byte) tftypes.Type {
	kind, err := tftypes.ParseJSONType(text)
	if err != nil {
		log.Fatal(err)
	}
	return kind
}

// answered returns the value with its exports: unknown, or what they will be.
func (k kind) answered(value tftypes.Value, known bool) (tftypes.Value, error) {
	attributes := map[string]tftypes.Value{}
	if err := value.As(&attributes); err != nil {
		return value, err
	}
	for name, template := range k.Exports {
		if !known {
			attributes[name] = tftypes.NewValue(tftypes.DynamicPseudoType, tftypes.UnknownValue)
			continue
		}
		export, err := fill(template, attributes)
		if err != nil {
			return value, err
		}
		attributes[name] = export
	}
	return tftypes.NewValue(value.Type(), attributes), nil
}

func fill(template string, attributes map[string]tftypes.Value) (tftypes.Value, error) {
	if strings.HasPrefix(template, "[") {
		var list []any
		if err := json.Unmarshal([]byte(template), &list); err != nil {
			return tftypes.Value{}, err
		}
		return literal(list), nil
	}
	for name, value := range attributes {
		var text string
		if value.IsKnown() && !value.IsNull() && value.Type().Is(tftypes.String) && value.As(&text) == nil {
			template = strings.ReplaceAll(template, "{"+name+"}", text)
		}
	}
	return tftypes.NewValue(tftypes.String, template), nil
}

func literal(value any) tftypes.Value {
	switch value := value.(type) {
	case []any:
		var kinds []tftypes.Type
		var elements []tftypes.Value
		for _, element := range value {
			elements = append(elements, literal(element))
			kinds = append(kinds, elements[len(elements)-1].Type())
		}
		return tftypes.NewValue(tftypes.Tuple{ElementTypes: kinds}, elements)
	case map[string]any:
		kinds, attributes := map[string]tftypes.Type{}, map[string]tftypes.Value{}
		for name, element := range value {
			attributes[name] = literal(element)
			kinds[name] = attributes[name].Type()
		}
		return tftypes.NewValue(tftypes.Object{AttributeTypes: kinds}, attributes)
	default:
		return tftypes.NewValue(tftypes.String, fmt.Sprint(value))
	}
}

// server is the provider. What it does not implement OpenTofu does not ask of it here.
type server struct {
	tfprotov5.ProviderServer
	kinds map[string]kind
}

func (s *server) typeOf(name string) tftypes.Type { return s.kinds[name].schema().ValueType() }

func (s *server) GetMetadata(context.Context, *tfprotov5.GetMetadataRequest) (*tfprotov5.GetMetadataResponse, error) {
	response := &tfprotov5.GetMetadataResponse{ServerCapabilities: &tfprotov5.ServerCapabilities{}}
	for name := range s.kinds {
		if source, ok := strings.CutPrefix(name, "data."); ok {
			response.DataSources = append(response.DataSources, tfprotov5.DataSourceMetadata{TypeName: source})
		} else {
			response.Resources = append(response.Resources, tfprotov5.ResourceMetadata{TypeName: name})
		}
	}
	return response, nil
}

func (s *server) GetProviderSchema(context.Context, *tfprotov5.GetProviderSchemaRequest) (*tfprotov5.GetProviderSchemaResponse, error) {
	response := &tfprotov5.GetProviderSchemaResponse{
		Provider: &tfprotov5.Schema{Block: body{Optional: map[string]json.RawMessage{
			"region": json.RawMessage(`"string"`), "allowed_account_ids": json.RawMessage(`["set","string"]`),
		}}.block()},
		ResourceSchemas:    map[string]*tfprotov5.Schema{},
		DataSourceSchemas:  map[string]*tfprotov5.Schema{},
		ServerCapabilities: &tfprotov5.ServerCapabilities{},
	}
	for name, k := range s.kinds {
		if source, ok := strings.CutPrefix(name, "data."); ok {
			response.DataSourceSchemas[source] = k.schema()
		} else {
			response.ResourceSchemas[name] = k.schema()
		}
	}
	return response, nil
}

func (s *server) GetResourceIdentitySchemas(context.Context, *tfprotov5.GetResourceIdentitySchemasRequest) (*tfprotov5.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov5.GetResourceIdentitySchemasResponse{}, nil
}

func (s *server) GetFunctions(context.Context, *tfprotov5.GetFunctionsRequest) (*tfprotov5.GetFunctionsResponse, error) {
	return &tfprotov5.GetFunctionsResponse{}, nil
}

func (s *server) PrepareProviderConfig(_ context.Context, r *tfprotov5.PrepareProviderConfigRequest) (*tfprotov5.PrepareProviderConfigResponse, error) {
	return &tfprotov5.PrepareProviderConfigResponse{PreparedConfig: r.Config}, nil
}

func (s *server) ConfigureProvider(context.Context, *tfprotov5.ConfigureProviderRequest) (*tfprotov5.ConfigureProviderResponse, error) {
	return &tfprotov5.ConfigureProviderResponse{}, nil
}

func (s *server) StopProvider(context.Context, *tfprotov5.StopProviderRequest) (*tfprotov5.StopProviderResponse, error) {
	return &tfprotov5.StopProviderResponse{}, nil
}

func (s *server) ValidateResourceTypeConfig(context.Context, *tfprotov5.ValidateResourceTypeConfigRequest) (*tfprotov5.ValidateResourceTypeConfigResponse, error) {
	return &tfprotov5.ValidateResourceTypeConfigResponse{}, nil
}

func (s *server) ValidateDataSourceConfig(context.Context, *tfprotov5.ValidateDataSourceConfigRequest) (*tfprotov5.ValidateDataSourceConfigResponse, error) {
	return &tfprotov5.ValidateDataSourceConfigResponse{}, nil
}

func (s *server) ReadDataSource(_ context.Context, r *tfprotov5.ReadDataSourceRequest) (*tfprotov5.ReadDataSourceResponse, error) {
	name := "data." + r.TypeName
	state, err := s.answer(name, r.Config, true)
	return &tfprotov5.ReadDataSourceResponse{State: state}, err
}

func (s *server) UpgradeResourceState(_ context.Context, r *tfprotov5.UpgradeResourceStateRequest) (*tfprotov5.UpgradeResourceStateResponse, error) {
	kind := s.typeOf(r.TypeName)
	value, err := r.RawState.Unmarshal(kind)
	if err != nil {
		return nil, err
	}
	state, err := tfprotov5.NewDynamicValue(kind, value)
	return &tfprotov5.UpgradeResourceStateResponse{UpgradedState: &state}, err
}

func (s *server) ReadResource(_ context.Context, r *tfprotov5.ReadResourceRequest) (*tfprotov5.ReadResourceResponse, error) {
	return &tfprotov5.ReadResourceResponse{NewState: r.CurrentState}, nil
}

// PlanResourceChange knows an export when it has been answered before.
func (s *server) PlanResourceChange(_ context.Context, r *tfprotov5.PlanResourceChangeRequest) (*tfprotov5.PlanResourceChangeResponse, error) {
	prior, err := r.PriorState.Unmarshal(s.typeOf(r.TypeName))
	if err != nil {
		return nil, err
	}
	planned := r.ProposedNewState
	if prior.IsNull() {
		planned, err = s.answer(r.TypeName, planned, false)
	}
	return &tfprotov5.PlanResourceChangeResponse{PlannedState: planned}, err
}

func (s *server) ApplyResourceChange(_ context.Context, r *tfprotov5.ApplyResourceChangeRequest) (*tfprotov5.ApplyResourceChangeResponse, error) {
	state, err := s.answer(r.TypeName, r.PlannedState, true)
	return &tfprotov5.ApplyResourceChangeResponse{NewState: state}, err
}

// answer is what comes of a value: nothing of nothing.
func (s *server) answer(name string, given *tfprotov5.DynamicValue, known bool) (*tfprotov5.DynamicValue, error) {
	value, err := given.Unmarshal(s.typeOf(name))
	if err != nil || value.IsNull() {
		return given, err
	}
	if value, err = s.kinds[name].answered(value, known); err != nil {
		return nil, err
	}
	state, err := tfprotov5.NewDynamicValue(s.typeOf(name), value)
	return &state, err
}
