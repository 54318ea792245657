"""Asks a provider of cluster-autoscaler's with Google's own gRPC: client.py ADDRESS FOLDER, then a JSON list [METHOD, MESSAGE] a line on
standard input; answers with one line each, {"answer": …} or {"refused": CODE, "why": …}. FOLDER has ca.crt, client.crt and client.key."""

import json
import sys
from pathlib import Path

import grpc
from google.protobuf import json_format
from grpc_tools import protoc

address, folder = sys.argv[1], Path(sys.argv[2])
here = Path(__file__).parent
if protoc.main(["protoc", f"-I{here}", f"-I{Path(protoc.__file__).parent / '_proto'}", f"--python_out={folder}",
                f"--grpc_python_out={folder}", "provider.proto"]) != 0:
    sys.exit("protoc failed")
sys.path.insert(0, str(folder))
import provider_pb2  # noqa: E402
import provider_pb2_grpc  # noqa: E402

read = lambda name: (folder / name).read_bytes()
secret = grpc.ssl_channel_credentials(read("ca.crt"), read("client.key"), read("client.crt"))
stub = provider_pb2_grpc.CloudProviderStub(grpc.secure_channel(address, secret))
methods = {method.name: method for method in provider_pb2.DESCRIPTOR.services_by_name["CloudProvider"].methods}
for line in sys.stdin:
    name, given = json.loads(line)
    request = json_format.ParseDict(given, getattr(provider_pb2, methods[name].input_type.name)())
    try:
        answer = getattr(stub, name)(request, timeout=20)
        told = {"answer": json_format.MessageToDict(answer, preserving_proto_field_name=True)}
    except grpc.RpcError as error:
        told = {"refused": error.code().name, "why": error.details()}
    print(json.dumps(told), flush=True)
