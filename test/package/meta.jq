# What is wrong with a META.json by the PGXN Meta Spec 1.0.0, one line each:
#
#   jq -r -f test/package/meta.jq META.json

def allowed($at; $known):
  keys_unsorted[] | select(IN($known[]) or test("^[xX]_[-_A-Za-z]+$") | not)
  | "\($at): unknown key \(tojson)";

def a_string($at):
  select(type != "string" or length == 0) | "\($at): should be a string that says something";

def a_version($at):
  select(type != "string"
    or (test("^(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)([-+][-+.0-9A-Za-z]+|[A-Za-z][-0-9A-Za-z]*)?$") | not))
  | "\($at): not a semantic version: \(tojson)";

def a_range($at):
  if type == "number" then select(. != 0) | "\($at): not a version: \(.)"
  elif type != "string" then "\($at): not a version: \(tojson)"
  elif . == "0" then empty
  else split(",")[] | sub("^ *(<=|>=|==|!=|<|>)? *"; "") | sub(" *$"; "") | a_version($at)
  end;

# A name of something, as it stands in URLs and in files.
def a_term($at):
  select(type != "string" or length < 2 or test("[[:space:][:cntrl:]/\\\\]"))
  | "\($at): not a name: \(tojson)";

def a_tag($at):
  select(type != "string" or length < 1 or length > 255 or test("[[:cntrl:]/\\\\]"))
  | "\($at): not a tag: \(tojson)";

def a_url($at):
  select(type != "string" or (test("^[A-Za-z][-+.A-Za-z0-9]*://[^/?#]+") | not))
  | "\($at): not a URL: \(tojson)";

def one_or_more($at; check):
  if type == "array" then
    (select(length == 0) | "\($at): an empty list"), (.[] | check)
  else check
  end;

def a_license:
  select(IN("agpl_3", "apache_1_1", "apache_2_0", "artistic_1", "artistic_2", "bsd",
    "freebsd", "gfdl_1_2", "gfdl_1_3", "gpl_1", "gpl_2", "gpl_3", "lgpl_2_1", "lgpl_3_0",
    "mit", "mozilla_1_0", "mozilla_1_1", "openssl", "perl_5", "postgresql", "qpl_1_0",
    "ssleay", "sun", "zlib", "open_source", "restricted", "unrestricted", "unknown") | not)
  | "license: not a known one: \(tojson)";

def a_map($at; check):
  if type != "object" then "\($at): should be an object" else check end;

a_map("META.json";
  allowed("META.json"; ["abstract", "description", "generated_by", "license", "maintainer",
    "meta-spec", "name", "no_index", "prereqs", "provides", "release_status", "resources",
    "tags", "version"]),
  (("abstract", "license", "maintainer", "meta-spec", "name", "provides", "version") as $key
    | select(has($key) | not) | "\($key): missing"),
  (.abstract // empty | a_string("abstract")),
  (.description // empty | a_string("description")),
  (.generated_by // empty | a_string("generated_by")),
  (.maintainer // empty | one_or_more("maintainer"; a_string("maintainer"))),
  (.license // empty
    | if type == "object" then .[] | a_url("license") else one_or_more("license"; a_license) end),
  (.name // empty | a_term("name")),
  (.version // empty | a_version("version")),
  (select(has("release_status")) | .release_status
    | select(IN("stable", "testing", "unstable") | not)
    | "release_status: not a known one: \(tojson)"),
  (.["meta-spec"] // empty | a_map("meta-spec";
    allowed("meta-spec"; ["version", "url"]),
    (select(.version != "1.0.0") | "meta-spec: not version 1.0.0"),
    (.url // empty | a_url("meta-spec")))),
  (.provides // empty | a_map("provides";
    (select(length == 0) | "provides: nothing"),
    (to_entries[] | "provides.\(.key)" as $at
      | (.key | a_term("provides")),
        (.value | a_map($at;
          allowed($at; ["abstract", "docfile", "file", "version"]),
          (("file", "version") as $key | select(has($key) | not) | "\($at).\($key): missing"),
          (.file // empty | a_string("\($at).file")),
          (.docfile // empty | a_string("\($at).docfile")),
          (.abstract // empty | a_string("\($at).abstract")),
          (.version // empty | a_version("\($at).version"))))))),
  (.tags // empty | one_or_more("tags"; a_tag("tags"))),
  (.no_index // empty | a_map("no_index";
    allowed("no_index"; ["file", "directory"]),
    (.file, .directory | values | one_or_more("no_index"; a_string("no_index"))))),
  (.prereqs // empty | a_map("prereqs";
    to_entries[]
    | (.key | select(IN("configure", "build", "test", "runtime", "develop") | not)
        | "prereqs: no such phase: \(tojson)"),
      ("prereqs.\(.key)" as $at | .value | a_map($at;
        to_entries[]
        | (.key | select(IN("requires", "recommends", "suggests", "conflicts") | not)
            | "\($at): no such relation: \(tojson)"),
          (.value | a_map($at; to_entries[] | (.key | a_term($at)),
            (.key as $key | .value | a_range("\($at): \($key)")))))))),
  (.resources // empty | a_map("resources";
    allowed("resources"; ["license", "homepage", "bugtracker", "repository"]),
    (.homepage // empty | a_url("resources.homepage")),
    (.license // empty | one_or_more("resources.license"; a_url("resources.license"))),
    (.bugtracker // empty | a_map("resources.bugtracker";
      allowed("resources.bugtracker"; ["web", "mailto"]),
      (.web // empty | a_url("resources.bugtracker.web")),
      (.mailto // empty | select(contains("@") | not) | "resources.bugtracker.mailto: no address"))),
    (.repository // empty | a_map("resources.repository";
      allowed("resources.repository"; ["web", "url", "type"]),
      (.web, .url | values | a_url("resources.repository")),
      (.type // empty | select(test("[A-Z]")) | "resources.repository.type: not in lower case"))))))
