# For the repository aft-account-provisioning-customizations, in its folder terraform/: takes the place of the resource of the
# same name in AFT's own states.tf. The definition goes into terraform/states/.

locals {
  # The bus of the PrivateLink workflow: its stack's output EventBusArn. In the same region as AFT.
  privatelink_event_bus_arn = "arn:aws:events:eu-west-1:111122223333:event-bus/default"
}

resource "aws_sfn_state_machine" "aft_account_provisioning_customizations" {
  # AFT starts it by this name.
  name     = "aft-account-provisioning-customizations"
  role_arn = aws_iam_role.aft_states.arn
  definition = templatefile("${path.module}/states/aft-account-provisioning-customizations.asl.json", {
    event_bus_arn = local.privatelink_event_bus_arn
  })
}

data "aws_iam_policy_document" "privatelink_events" {
  statement {
    actions   = ["events:PutEvents"]
    resources = [local.privatelink_event_bus_arn]
    condition {
      test     = "StringEquals"
      variable = "events:source"
      values   = ["privatelink-workflow.client"]
    }
  }
}

resource "aws_iam_role_policy" "privatelink_events" {
  name   = "privatelink-events"
  role   = aws_iam_role.aft_states.id
  policy = data.aws_iam_policy_document.privatelink_events.json
}
