"""Microsoft's own SDK makes, lists, changes and deletes everything through the simulator.

The first argument is the line that the simulator prints when it is ready.
"""

import base64
import json
import sys
import time
import uuid

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.resource import ResourceManagementClient, SubscriptionClient
from azure.mgmt.resourcegraph import ResourceGraphClient
from azure.mgmt.storage import StorageManagementClient

READY = json.loads(sys.argv[1])
SUBSCRIPTION, ENDPOINT = READY["subscription"], READY["endpoint"]
PLACE, GROUP = "westeurope", "truth"
KEY = "ssh-ed25519 " + base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes(range(32))).decode()

with open(READY["client_secret_file"], encoding="utf-8") as file:
    SECRET = file.read()

CREDENTIAL = ClientSecretCredential(
    READY["tenant"],
    READY["client_id"],
    SECRET,
    authority=ENDPOINT,
    disable_instance_discovery=True,
    connection_verify=READY["ca_file"],
)
COMMON = {
    "base_url": ENDPOINT,
    "credential_scopes": [ENDPOINT + "/.default"],
    "connection_verify": READY["ca_file"],
    "polling_interval": 0.05,
    "retry_total": 0,
}


def client(kind, *arguments, **options):
    return kind(CREDENTIAL, *arguments, **COMMON, **options)


resources = client(ResourceManagementClient, SUBSCRIPTION, api_version="2021-04-01")
network = client(NetworkManagementClient, SUBSCRIPTION)
compute = client(ComputeManagementClient, SUBSCRIPTION)
identities = client(ManagedServiceIdentityClient, SUBSCRIPTION)
roles = client(AuthorizationManagementClient, SUBSCRIPTION, api_version="2022-04-01")
storage = client(StorageManagementClient, SUBSCRIPTION)
graph = client(ResourceGraphClient)


def refused(code, call, status=None):
    """The call must be refused with this code, at once or by its operation."""
    try:
        result = call()
        if hasattr(result, "result"):
            result.result()
    except HttpResponseError as error:
        found = error.error.code if error.error else None
        assert found == code, f"wanted {code}, found {found}: {error.message}"
        assert status is None or error.status_code == status, error.status_code
        return error
    raise AssertionError(f"this was to be refused with {code}")


def done(poller):
    return poller.result()


def subscriptions():
    subscription = client(SubscriptionClient)
    assert [one.subscription_id for one in subscription.subscriptions.list()] == [SUBSCRIPTION]
    places = {one.name for one in subscription.subscriptions.list_locations(SUBSCRIPTION)}
    assert PLACE in places
    assert resources.providers.get("Microsoft.Compute").registration_state == "Registered"


def groups():
    assert not resources.resource_groups.check_existence(GROUP)
    made = resources.resource_groups.create_or_update(GROUP, {"location": PLACE, "tags": {"for": "truth"}})
    assert made.properties.provisioning_state == "Succeeded"
    assert resources.resource_groups.check_existence(GROUP.upper())
    refused(
        "InvalidResourceGroupLocation",
        lambda: resources.resource_groups.create_or_update(GROUP, {"location": "northeurope"}),
        409,
    )
    tagged = resources.resource_groups.update(GROUP, {"tags": {"for": "more"}})
    assert tagged.tags == {"for": "more"}
    found = resources.resource_groups.list(filter="tagName eq 'for' and tagValue eq 'more'")
    assert [one.name for one in found] == [GROUP]


def security_groups():
    rule = {
        "name": "ssh",
        "protocol": "Tcp",
        "source_address_prefix": "10.0.0.0/8",
        "source_port_range": "*",
        "destination_address_prefix": "*",
        "destination_port_range": "22",
        "access": "Allow",
        "priority": 100,
        "direction": "Inbound",
    }
    made = done(network.network_security_groups.begin_create_or_update(
        GROUP, "nsg", {"location": PLACE, "security_rules": [rule]}
    ))
    assert made.provisioning_state == "Succeeded" and len(made.default_security_rules) == 6
    refused("SecurityRuleConflict", lambda: network.security_rules.begin_create_or_update(
        GROUP, "nsg", "other", {**rule, "name": "other"}
    ), 400)
    refused("SecurityRuleInvalidPriority", lambda: network.security_rules.begin_create_or_update(
        GROUP, "nsg", "other", {**rule, "name": "other", "priority": 1}
    ), 400)
    more = {**rule, "name": "api", "priority": 110, "destination_port_range": "6443"}
    done(network.security_rules.begin_create_or_update(GROUP, "nsg", "api", more))
    assert [one.name for one in network.security_rules.list(GROUP, "nsg")] == ["ssh", "api"]
    done(network.security_rules.begin_delete(GROUP, "nsg", "api"))
    refused("NotFound", lambda: network.security_rules.get(GROUP, "nsg", "api"), 404)


def gateways():
    address = done(network.public_ip_addresses.begin_create_or_update(GROUP, "out", {
        "location": PLACE, "sku": {"name": "Standard"}, "public_ip_allocation_method": "Static",
    }))
    assert address.ip_address
    refused("StandardSkuPublicIPAddressesMustBeStatic", lambda: (
        network.public_ip_addresses.begin_create_or_update(
            GROUP, "bad", {"location": PLACE, "sku": {"name": "Standard"}, "public_ip_allocation_method": "Dynamic"}
        )
    ), 400)
    gateway = done(network.nat_gateways.begin_create_or_update(GROUP, "nat", {
        "location": PLACE, "sku": {"name": "Standard"}, "public_ip_addresses": [{"id": address.id}],
        "idle_timeout_in_minutes": 10,
    }))
    assert gateway.public_ip_addresses[0].id == address.id
    refused("PublicIPAddressCannotBeDeleted", lambda: network.public_ip_addresses.begin_delete(GROUP, "out"), 400)
    return gateway


def networks(gateway):
    nsg = network.network_security_groups.get(GROUP, "nsg")
    made = done(network.virtual_networks.begin_create_or_update(GROUP, "net", {
        "location": PLACE,
        "address_space": {"address_prefixes": ["10.0.0.0/16"]},
        "subnets": [{
            "name": "nodes", "address_prefix": "10.0.0.0/24",
            "network_security_group": {"id": nsg.id}, "nat_gateway": {"id": gateway.id},
        }],
    }))
    assert made.subnets[0].provisioning_state == "Succeeded"
    subnets = network.subnets
    refused("NetcfgSubnetRangesOverlap", lambda: subnets.begin_create_or_update(
        GROUP, "net", "other", {"address_prefix": "10.0.0.128/25"}), 400)
    refused("NetcfgSubnetRangeOutsideVnet", lambda: subnets.begin_create_or_update(
        GROUP, "net", "other", {"address_prefix": "10.1.0.0/24"}), 400)
    refused("ParentResourceNotFound", lambda: subnets.begin_create_or_update(
        GROUP, "none", "other", {"address_prefix": "10.1.0.0/24"}), 404)
    going = subnets.begin_create_or_update(GROUP, "net", "other", {"address_prefix": "10.0.1.0/24"})
    refused("AnotherOperationInProgress", lambda: subnets.begin_create_or_update(
        GROUP, "net", "third", {"address_prefix": "10.0.2.0/24"}), 409)
    assert going.result().provisioning_state == "Succeeded"
    assert [one.name for one in subnets.list(GROUP, "net")] == ["nodes", "other"]
    done(subnets.begin_delete(GROUP, "net", "other"))
    refused("InUseNetworkSecurityGroupCannotBeDeleted", lambda: (
        network.network_security_groups.begin_delete(GROUP, "nsg")), 400)
    refused("CannotDeleteNatGatewayAssociatedToSubnet", lambda: network.nat_gateways.begin_delete(GROUP, "nat"), 400)
    assert network.nat_gateways.get(GROUP, "nat").subnets[0].id == made.subnets[0].id
    fresh = network.virtual_networks.get(GROUP, "NET")
    refused("PreconditionFailed", lambda: network.virtual_networks.begin_create_or_update(
        GROUP, "net", fresh, headers={"If-Match": 'W/"old"'}), 412)
    tagged = network.virtual_networks.update_tags(GROUP, "net", {"tags": {"a": "b"}})
    assert tagged.tags == {"a": "b"} and tagged.subnets[0].name == "nodes"
    assert [one.name for one in network.virtual_networks.list_all()] == ["net"]
    return fresh.subnets[0]


def balancers():
    address = done(network.public_ip_addresses.begin_create_or_update(GROUP, "api", {
        "location": PLACE, "sku": {"name": "Standard"}, "public_ip_allocation_method": "Static",
        "dns_settings": {"domain_name_label": "truth-api"},
    }))
    assert address.dns_settings.fqdn == "truth-api.westeurope.cloudapp.azure.com"
    refused("DnsRecordInUse", lambda: network.public_ip_addresses.begin_create_or_update(GROUP, "again", {
        "location": PLACE, "dns_settings": {"domain_name_label": "truth-api"}}), 400)
    assert not network.check_dns_name_availability(PLACE, domain_name_label="truth-api").available
    base = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Network/loadBalancers/lb"
    wanted = {
        "location": PLACE, "sku": {"name": "Standard"},
        "frontend_ip_configurations": [{"name": "front", "public_ip_address": {"id": address.id}}],
        "backend_address_pools": [{"name": "pool"}],
        "probes": [{"name": "tcp", "protocol": "Tcp", "port": 6443}],
        "load_balancing_rules": [{
            "name": "api", "protocol": "Tcp", "frontend_port": 6443, "backend_port": 6443,
            "frontend_ip_configuration": {"id": base + "/frontendIPConfigurations/front"},
            "backend_address_pool": {"id": base + "/backendAddressPools/pool"},
            "probe": {"id": base + "/probes/tcp"},
            "disable_outbound_snat": True,
        }],
        "outbound_rules": [{
            "name": "out", "protocol": "All", "allocated_outbound_ports": 1024,
            "frontend_ip_configurations": [{"id": base + "/frontendIPConfigurations/front"}],
            "backend_address_pool": {"id": base + "/backendAddressPools/pool"},
        }],
    }
    made = done(network.load_balancers.begin_create_or_update(GROUP, "lb", wanted))
    assert made.frontend_ip_configurations[0].load_balancing_rules[0].id.endswith("/loadBalancingRules/api")
    wanted["probes"] = []
    refused("InvalidResourceReference", lambda: network.load_balancers.begin_create_or_update(GROUP, "lb", wanted), 400)
    assert [one.name for one in network.load_balancer_probes.list(GROUP, "lb")] == ["tcp"]
    assert network.load_balancer_frontend_ip_configurations.get(GROUP, "lb", "front").name == "front"
    return made


def interfaces(subnet, balancer):
    address = done(network.public_ip_addresses.begin_create_or_update(GROUP, "vm-1", {
        "location": PLACE, "sku": {"name": "Standard"}, "public_ip_allocation_method": "Static",
    }))
    made = done(network.network_interfaces.begin_create_or_update(GROUP, "nic-1", {
        "location": PLACE,
        "ip_configurations": [{
            "name": "first", "subnet": {"id": subnet.id},
            "public_ip_address": {"id": address.id, "delete_option": "Delete"},
            "load_balancer_backend_address_pools": [{"id": balancer.backend_address_pools[0].id}],
        }],
    }))
    assert made.ip_configurations[0].private_ip_address == "10.0.0.4"
    pool = network.load_balancer_backend_address_pools.get(GROUP, "lb", "pool")
    assert pool.backend_ip_configurations[0].id == made.ip_configurations[0].id
    other = lambda name, **more: network.network_interfaces.begin_create_or_update(GROUP, name, {
        "location": PLACE, "ip_configurations": [{"name": "first", "subnet": {"id": subnet.id}, **more}]})
    refused("PublicIPAddressInUse", lambda: other("bad", public_ip_address={"id": address.id}), 400)
    refused("PrivateIPAddressIsAllocated", lambda: other(
        "bad", private_ip_address="10.0.0.4", private_ip_allocation_method="Static"), 400)
    refused("PrivateIPAddressNotInSubnet", lambda: other(
        "bad", private_ip_address="10.9.0.4", private_ip_allocation_method="Static"), 400)
    refused("InvalidResourceReference", lambda: network.network_interfaces.begin_create_or_update(
        GROUP, "bad", {"location": PLACE, "ip_configurations": [
            {"name": "first", "subnet": {"id": subnet.id.replace("nodes", "none")}}]}), 400)
    second = done(other("nic-2", private_ip_address="10.0.0.100", private_ip_allocation_method="Static"))
    assert second.ip_configurations[0].private_ip_address == "10.0.0.100"
    refused("InUseSubnetCannotBeDeleted", lambda: network.subnets.begin_delete(GROUP, "net", "nodes"), 400)
    refused("InUseSubnetCannotBeDeleted", lambda: network.virtual_networks.begin_delete(GROUP, "net"), 400)
    used = network.subnets.get(GROUP, "net", "nodes").ip_configurations
    assert len(used) == 2
    return made


def machine(nic, **more):
    return {
        "location": PLACE,
        "hardware_profile": {"vm_size": "Standard_D2s_v5"},
        "storage_profile": {
            "image_reference": {"publisher": "Debian", "offer": "debian-13", "sku": "13-gen2", "version": "latest"},
            "os_disk": {"create_option": "FromImage", "delete_option": "Delete"},
            "data_disks": [{"lun": 0, "create_option": "Empty", "disk_size_gb": 8, "delete_option": "Delete"}],
        },
        "os_profile": {
            "computer_name": "vm-1", "admin_username": "azureuser",
            "custom_data": base64.b64encode(b"#cloud-config\n").decode(),
            "linux_configuration": {
                "disable_password_authentication": True,
                "ssh": {"public_keys": [{"path": "/home/azureuser/.ssh/authorized_keys", "key_data": KEY}]},
            },
        },
        "network_profile": {"network_interfaces": [{"id": nic.id, "delete_option": "Delete"}]},
        **more,
    }


def power(name):
    view = compute.virtual_machines.instance_view(GROUP, name)
    return [one.code for one in view.statuses if one.code.startswith("PowerState/")]


def machines(nic):
    vms = compute.virtual_machines
    identity = identities.user_assigned_identities.create_or_update(GROUP, "nodes", {"location": PLACE})
    wanted = machine(nic, tags={"clouder-cluster": "truth"}, zones=["1"], identity={
        "type": "SystemAssigned, UserAssigned", "user_assigned_identities": {identity.id: {}}})
    bad = {**wanted, "hardware_profile": {"vm_size": "Standard_Nothing"}}
    refused("InvalidParameter", lambda: vms.begin_create_or_update(GROUP, "vm-1", bad), 400)
    bad = {**wanted, "hardware_profile": {"vm_size": "Standard_M128s"}}
    refused("SkuNotAvailable", lambda: vms.begin_create_or_update(GROUP, "vm-1", bad), 409)
    bad = {**wanted, "os_profile": {**wanted["os_profile"], "admin_username": "admin"}}
    refused("InvalidParameter", lambda: vms.begin_create_or_update(GROUP, "vm-1", bad), 400)
    bad = {**wanted, "storage_profile": {**wanted["storage_profile"], "image_reference": {
        "publisher": "Nobody", "offer": "x", "sku": "y", "version": "latest"}}}
    refused("PlatformImageNotFound", lambda: vms.begin_create_or_update(GROUP, "vm-1", bad), 404)
    made = done(vms.begin_create_or_update(GROUP, "vm-1", wanted))
    assert made.provisioning_state == "Succeeded" and made.vm_id
    assert made.os_profile.custom_data is None and made.identity.principal_id
    assert made.identity.user_assigned_identities[identity.id].principal_id == identity.principal_id
    assert made.storage_profile.image_reference.exact_version
    assert power("vm-1") == ["PowerState/running"]
    disks = {one.name: one for one in compute.disks.list_by_resource_group(GROUP)}
    assert disks[made.storage_profile.os_disk.name].managed_by == made.id
    assert network.network_interfaces.get(GROUP, "nic-1").virtual_machine.id == made.id
    refused("NicInUse", lambda: network.network_interfaces.begin_delete(GROUP, "nic-1"), 400)
    refused("OperationNotAllowed", lambda: compute.disks.begin_delete(GROUP, made.storage_profile.os_disk.name), 409)
    second = machine(nic)
    refused("NicInUse", lambda: vms.begin_create_or_update(GROUP, "vm-2", second), 400)
    changed = {**wanted, "os_profile": {**wanted["os_profile"], "admin_username": "other"}}
    refused("PropertyChangeNotAllowed", lambda: vms.begin_create_or_update(GROUP, "vm-1", changed), 409)
    # What another cluster of hardware has needs the machine to be moved.
    refused("OperationNotAllowed", lambda: vms.begin_update(
        GROUP, "vm-1", {"hardware_profile": {"vm_size": "Standard_D2as_v5"}}), 409)
    resized = done(vms.begin_update(GROUP, "vm-1", {"hardware_profile": {"vm_size": "Standard_D4s_v5"}}))
    assert resized.hardware_profile.vm_size == "Standard_D4s_v5"
    assert "Standard_D2as_v5" not in {one.name for one in vms.list_available_sizes(GROUP, "vm-1")}
    done(vms.begin_power_off(GROUP, "vm-1"))
    assert power("vm-1") == ["PowerState/stopped"]
    refused("OperationNotAllowed", lambda: vms.begin_restart(GROUP, "vm-1"), 409)
    done(vms.begin_deallocate(GROUP, "vm-1"))
    assert power("vm-1") == ["PowerState/deallocated"]
    done(vms.begin_update(GROUP, "vm-1", {"hardware_profile": {"vm_size": "Standard_D2as_v5"}}))
    done(vms.begin_start(GROUP, "vm-1"))
    done(vms.begin_restart(GROUP, "vm-1"))
    statuses = {one.name: one.instance_view for one in vms.list_all(status_only="true")}
    assert statuses["vm-1"].statuses[-1].code == "PowerState/running"
    assert [one.name for one in vms.list(GROUP, expand="instanceView")] == ["vm-1"]
    seen = vms.get(GROUP, "VM-1", expand="instanceView")
    assert seen.instance_view.vm_agent.statuses[0].display_status == "Ready"
    return made


def disks(vm):
    vms = compute.virtual_machines
    made = done(compute.disks.begin_create_or_update(GROUP, "data", {
        "location": PLACE, "zones": ["1"], "sku": {"name": "Premium_LRS"}, "disk_size_gb": 16,
        "creation_data": {"create_option": "Empty"}}))
    assert made.disk_state == "Unattached"
    refused("OperationNotAllowed", lambda: compute.disks.begin_update(GROUP, "data", {"disk_size_gb": 8}), 409)
    assert done(compute.disks.begin_update(GROUP, "data", {"disk_size_gb": 32})).disk_size_gb == 32
    profile = vms.get(GROUP, "vm-1").storage_profile
    attached = {"lun": 0, "create_option": "Attach", "managed_disk": {"id": made.id}}
    profile.data_disks.append(attached)
    refused("InvalidParameter", lambda: vms.begin_update(GROUP, "vm-1", {"storage_profile": profile}), 400)
    profile.data_disks[-1] = {**attached, "lun": 1}
    done(vms.begin_update(GROUP, "vm-1", {"storage_profile": profile}))
    assert compute.disks.get(GROUP, "data").disk_state == "Attached"
    profile = vms.get(GROUP, "vm-1").storage_profile
    profile.data_disks = profile.data_disks[:1]
    done(vms.begin_update(GROUP, "vm-1", {"storage_profile": profile}))
    assert compute.disks.get(GROUP, "data").managed_by is None
    done(compute.disks.begin_delete(GROUP, "data"))
    refused("ResourceNotFound", lambda: compute.disks.get(GROUP, "data"), 404)


def spot_and_sets():
    made = compute.availability_sets.create_or_update(GROUP, "set", {
        "location": PLACE, "sku": {"name": "Aligned"}, "platform_fault_domain_count": 2})
    nic = network.network_interfaces.get(GROUP, "nic-2")
    wanted = machine(nic, availability_set={"id": made.id}, priority="Spot")
    wanted["network_profile"]["network_interfaces"][0]["delete_option"] = "Detach"
    wanted["storage_profile"]["os_disk"]["delete_option"] = "Detach"
    vm = done(compute.virtual_machines.begin_create_or_update(GROUP, "vm-2", wanted))
    assert vm.eviction_policy == "Deallocate" and vm.billing_profile.max_price == -1
    refused("OperationNotAllowed", lambda: compute.availability_sets.delete(GROUP, "set"), 409)
    assert compute.availability_sets.get(GROUP, "set").virtual_machines[0].id == vm.id
    done(compute.virtual_machines.begin_delete(GROUP, "vm-2"))
    compute.availability_sets.delete(GROUP, "set")
    # What was not to go stays.
    network.network_interfaces.get(GROUP, "nic-2")
    left = compute.disks.get(GROUP, vm.storage_profile.os_disk.name)
    assert left.disk_state == "Unattached"
    done(compute.disks.begin_delete(GROUP, left.name))


def quotas():
    used = {one.name.value: one for one in compute.usage.list(PLACE)}
    assert used["standardDASv5Family"].current_value == 2 and used["cores"].limit == 10
    nic = network.network_interfaces.get(GROUP, "nic-2")
    wanted = machine(nic, hardware_profile={"vm_size": "Standard_D16s_v5"})
    error = refused("OperationNotAllowed", lambda: compute.virtual_machines.begin_create_or_update(GROUP, "big", wanted), 409)
    assert "Current Limit: 10" in error.message
    addresses = {one.name.value: one for one in network.usages.list(PLACE)}
    assert addresses["PublicIPAddresses"].current_value == 3
    sizes = [one for one in compute.resource_skus.list(filter=f"location eq '{PLACE}'") if one.resource_type == "virtualMachines"]
    small = next(one for one in sizes if one.name == "Standard_D2s_v5")
    assert small.location_info[0].zones == ["1", "2", "3"]
    assert next(one for one in sizes if one.name == "Standard_M128s").restrictions[0].reason_code == "NotAvailableForSubscription"


def authorization():
    identity = identities.user_assigned_identities.create_or_update(GROUP, "fresh", {"location": PLACE})
    scope = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
    (reader,) = roles.role_definitions.list(scope, filter="roleName eq 'Reader'")
    wanted = {"role_definition_id": reader.id, "principal_id": identity.principal_id, "principal_type": "ServicePrincipal"}
    assign = lambda name: roles.role_assignments.create(scope, name, wanted)
    name = str(uuid.uuid4())
    refused("PrincipalNotFound", lambda: assign(name), 400)
    deadline = time.monotonic() + 10
    while True:
        try:
            made = assign(name)
            break
        except HttpResponseError as error:
            assert error.error.code == "PrincipalNotFound" and time.monotonic() < deadline
            time.sleep(0.1)
    refused("RoleAssignmentExists", lambda: assign(str(uuid.uuid4())), 409)
    found = roles.role_assignments.list_for_scope(scope, filter=f"principalId eq '{identity.principal_id}'")
    assert [one.id for one in found] == [made.id]
    roles.role_assignments.delete(scope, name)
    assert not list(roles.role_assignments.list_for_scope(scope))
    identities.user_assigned_identities.delete(GROUP, "fresh")


def accounts():
    check = lambda name: storage.storage_accounts.check_name_availability({"name": name})
    assert check("truthaccount").name_available and check("storage").reason == "AlreadyExists"
    wanted = {"location": PLACE, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    refused("AccountNameInvalid", lambda: storage.storage_accounts.begin_create(GROUP, "Wrong", wanted), 400)
    made = done(storage.storage_accounts.begin_create(GROUP, "truthaccount", wanted))
    assert made.primary_endpoints.blob == "https://truthaccount.blob.core.windows.net/"
    assert len(storage.storage_accounts.list_keys(GROUP, "truthaccount").keys) == 2
    changed = storage.storage_accounts.update(GROUP, "truthaccount", {"tags": {"a": "b"}})
    assert changed.tags == {"a": "b"}
    assert [one.name for one in storage.storage_accounts.list()] == ["truthaccount"]
    storage.storage_accounts.delete(GROUP, "truthaccount")


def queries():
    ask = lambda query: graph.resources({
        "subscriptions": [SUBSCRIPTION], "query": query, "options": {"resultFormat": "objectArray"}}).data
    rows = ask(
        "resources | where type =~ 'Microsoft.Compute/virtualMachines' and tags['clouder-cluster'] =~ 'truth'"
        " | extend power = tostring(properties.extended.instanceView.powerState.code)"
        " | project name, location, power"
    )
    assert rows == [{"name": "vm-1", "location": PLACE, "power": "PowerState/running"}], rows
    refused("BadRequest", lambda: ask("resources | nonsense"), 400)


def ends():
    done(compute.virtual_machines.begin_delete(GROUP, "vm-1"))
    # The machine took its disks, its interface, and that one's address along.
    assert not list(compute.disks.list())
    refused("ResourceNotFound", lambda: network.network_interfaces.get(GROUP, "nic-1"), 404)
    refused("ResourceNotFound", lambda: network.public_ip_addresses.get(GROUP, "vm-1"), 404)
    listed = {one.type for one in resources.resources.list_by_resource_group(GROUP)}
    assert "Microsoft.Network/loadBalancers" in listed
    done(resources.resource_groups.begin_delete(GROUP))
    refused("ResourceGroupNotFound", lambda: resources.resource_groups.get(GROUP), 404)
    assert not list(resources.resources.list())


def main():
    started = time.monotonic()
    subscriptions()
    groups()
    security_groups()
    subnet = networks(gateways())
    nic = interfaces(subnet, balancers())
    vm = machines(nic)
    disks(vm)
    spot_and_sets()
    quotas()
    authorization()
    accounts()
    queries()
    ends()
    try:
        network.virtual_networks.get(GROUP, "net")
    except ResourceNotFoundError as error:
        assert error.error.code == "ResourceGroupNotFound"
    print(f"all is as it should be, after {time.monotonic() - started:.1f} s")


main()
