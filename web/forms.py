"""The forms that people fill in. Each carries a token against requests from other sites."""

from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import (
    BooleanField,
    DecimalField,
    PasswordField,
    SelectField,
    StringField,
    ValidationError,
)
from wtforms.fields import Field
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import DataRequired, Length, NumberRange, Optional

from maskwatch.camera_name import check_camera_name
from maskwatch.errors import CameraError


class LogInForm(FlaskForm):  # type: ignore[misc]
    """The password."""

    password = PasswordField("Password", validators=[DataRequired(), Length(max=1024)])


class CameraForm(FlaskForm):  # type: ignore[misc]
    """A camera to add or to change. An empty password leaves the stored one as it is."""

    name = StringField("Name", validators=[DataRequired()])
    url = StringField("Address", validators=[DataRequired(), Length(max=2000)])
    username = StringField("User", validators=[Length(max=200)])
    password = PasswordField("Password", validators=[Length(max=200)])
    forget_password = BooleanField("Forget the stored password")
    fps = DecimalField(
        "Pictures analysed a second",
        places=None,
        validators=[Optional(), NumberRange(min=0.1, max=60)],
    )
    transport = SelectField(
        "RTSP transport", choices=[SelectChoice("tcp", "TCP"), SelectChoice("udp", "UDP")]
    )
    enabled = BooleanField("Read this camera", default=True)

    def validate_name(self, field: Field) -> None:
        """Say what a name may hold, and propose one."""
        try:
            check_camera_name(field.data)
        except CameraError as error:
            raise ValidationError(str(error)) from error


class FootageForm(FlaskForm):  # type: ignore[misc]
    """A picture or a video to analyse."""

    file = FileField("Picture or video", validators=[FileRequired("Choose a file.")])


class ConfirmForm(FlaskForm):  # type: ignore[misc]
    """Only the token: for buttons that change something."""
