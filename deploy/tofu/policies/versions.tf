terraform {
  # 1.9: a variable's validation may look at other variables. No provider is needed.
  required_version = ">= 1.9.0"
}
