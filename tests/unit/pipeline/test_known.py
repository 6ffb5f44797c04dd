from focal_pipeline.core.known import Known


def test_the_session_overlays_customer_data() -> None:
    known = Known({"name": "Ada", "city": "Rome"}, {"name": "Ada L."})
    assert dict(known.values) == {"name": "Ada L.", "city": "Rome"}


def test_only_session_values_are_kept_for_the_session() -> None:
    known = Known({"city": "Rome"}, {"a": 1})
    known.set({"b": 2})
    assert dict(known.session) == {"a": 1, "b": 2}
    assert known.set_this_turn == {"b": 2}


def test_what_is_forgotten_shows_the_customer_data_below() -> None:
    known = Known({"city": "Rome"}, {"city": "Oslo"})
    known.forget(["city", "never_known"])
    assert known.values["city"] == "Rome"
    assert "city" not in known.session
